"""Tables on a narrow terminal."""

import io

from rich.console import Console

from frostdesk.listing import listing


def test_a_narrow_terminal_cuts_no_word() -> None:
    table, narrow = listing("turn", "message", "outcome"), Console(file=io.StringIO(), width=40)
    table.add_row("turn_04eeb4512dbd", "where is my card", "answered: card-not-arrived")
    narrow.print(table)
    lines = narrow.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "turn_04eeb4512dbd" in lines[1]
    assert "card-not-arrived" in "".join(line[lines[0].index("outcome") :].strip() for line in lines)
    assert "…" not in "".join(lines)
