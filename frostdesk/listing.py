"""Tables that commands print."""

from rich.table import Table


def listing(*columns: str) -> Table:
    """Return an empty table. Its first column, which names the row, is never cut: people copy it."""
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    return table
