"""Options that many commands share."""

from typing import Annotated

import typer
from rich.console import Console

from frostdesk.client import BAD_INPUT, fail

Desk = Annotated[str | None, typer.Option(help="The desk's slug; needed only with several desks.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many at most.")]

console = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True)
"""For progress: only a terminal sees it, and what is printed stays clean."""


def share_of(text: str) -> float:
    """Return a share written as a percentage ("5%" or "5": 0.05)."""
    try:
        return float(text.removesuffix("%")) / 100
    except ValueError:
        fail(f"'{text}' is no share; write it like 5%.", BAD_INPUT)
