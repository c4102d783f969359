"""Where an answer came from."""

from typing import Annotated, Any

import typer

from frostdesk.client import Client, part, print_json
from frostdesk.options import Desk, Json, console


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(lineage)


def lineage(
    turn: Annotated[str, typer.Argument(help="The turn's id, from ask or review.")],
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Trace an answer to its prompt versions, their retrainings and the conversations that taught them.

    Example: frostdesk lineage TURN
    """
    found = Client(desk).get(f"/v1/admin/turns/{part(turn)}/lineage")
    if as_json:
        print_json(found)
        return
    for skill in found["skills"]:
        console.print(f"[bold]{skill['skill']}[/bold] v{skill['version']}  {skill['digest'][:12]}  {_origin(skill)}")
        if skill["retraining"]:
            _show_retraining(skill["retraining"])
    if not found["skills"]:
        console.print("Nothing was read in this turn: no prompt had a say.")


def _origin(skill: dict[str, Any]) -> str:
    made = skill["retraining"]
    return f"made by {made['id']}, opened by {made['actor']} ({made['trigger']})" if made else "shipped with the desk"


def _show_retraining(made: dict[str, Any]) -> None:
    counts = ", ".join(f"{count} {role}" for role, count in made["examples"].items() if count)
    lost = f"; {made['erased_examples']} of them erased since" if made["erased_examples"] else ""
    console.print(f"  snapshot {made['snapshot_hash'][:12]}: {counts} examples{lost}", markup=False)
    more = made["conversation_count"] - len(made["conversations"])
    listed = " ".join(made["conversations"]) + (f" and {more} more" if more else "")
    console.print(f"  taught by {made['conversation_count']} conversation(s): {listed or '-'}", markup=False)
