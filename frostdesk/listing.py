"""Tables that commands print."""

from rich.table import Table


def listing(*columns: str) -> Table:
    """Return an empty table. Its first column, which names the row, stays on one line: people copy it.

    Where a terminal is narrow the others go on below; no word of them is cut.
    """
    table = Table(*columns, box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    table.columns[0].no_wrap = True
    return table
