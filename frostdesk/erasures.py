"""Forgetting a customer, and the tombstones of those who were forgotten."""

from typing import Annotated, Any

import typer

from frostdesk.client import BAD_INPUT, Client, fail, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, Limit, console, errors


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (forget, erasures):
        app.command()(command)


def forget(
    visitor: Annotated[
        str | None, typer.Option(help="A widget's visitor, or a ticket's id at the helpdesk.", show_default=False)
    ] = None,
    customer: Annotated[
        str | None, typer.Option(help="A signed-in customer, by your site's own name.", show_default=False)
    ] = None,
    conversation: Annotated[str | None, typer.Option(help="One conversation's id.", show_default=False)] = None,
    retrain: Annotated[
        bool | None,
        typer.Option(
            "--retrain/--no-retrain",
            help="Open retrainings of the skills it taught, or only name them; else as 'desk retrain-erased' says.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Erase everything stored of a customer, for good. Shows what would go and asks first. Exit code 1: not confirmed.

    Example: frostdesk forget --visitor vis_3f9a --retrain
    """
    if [visitor, customer, conversation].count(None) != 2:
        fail("Name one customer: --visitor V, --customer NAME or --conversation C.", BAD_INPUT)
    client = Client(desk)
    wanted = None if retrain is None else "open" if retrain else "list"
    body = {"visitor_id": visitor, "customer": customer, "conversation_id": conversation, "retrain": wanted}
    if not yes:
        _confirm(client.post("/v1/admin/erasures", {**body, "dry_run": True}))
    said = client.post("/v1/admin/erasures", body)
    if as_json:
        print_json(said)
    else:
        _show(said)


def erasures(desk: Desk = None, limit: Limit = 20, as_json: Json = False) -> None:
    """List who was forgotten: when, by whom, how much. Only a salted hash of the id is kept."""
    found = Client(desk).get("/v1/admin/erasures", limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("erasure", "when", "by", "what went", "hash of the id")
    for row in found:
        table.add_row(row["id"], row["created_at"][:19], row["actor"], _rows(row["counts"]), row["id_hash"][:12])
    console.print(table if found else "Nobody was forgotten yet.")


def _confirm(preview: dict[str, Any]) -> None:
    """Show on stderr what would go, so that JSON stays alone on stdout, and ask. Ends with 1 unless told yes."""
    if preview["status"] == "erased_before":  # nothing left to lose
        return
    errors.print(f"This would erase {_rows(preview['counts'])}.", highlight=False, soft_wrap=True)
    for due in preview["retraining_due"]:
        errors.print(_due(due), highlight=False, soft_wrap=True)
    typer.confirm("It cannot be undone. Erase?", abort=True, err=True)


def _show(said: dict[str, Any]) -> None:
    if said["status"] == "erased_before":
        console.print(f"Nothing is left: {_rows(said['counts'])} went at {said['erasure']['created_at'][:19]}.")
    else:
        console.print(f"Erased {_rows(said['counts'])}; the tombstone is {said['erasure']['id']}.")
    for due in said["retraining_due"]:
        console.print(_due(due))


def _due(due: dict[str, Any]) -> str:
    """Return what to do about a skill that learnt from erased examples."""
    skill = due["skill"]
    learnt = f"{skill}: live version {due['live_version']} was made with {due['erased_examples']} erased example(s); "
    if due["opened"]:
        return f"{learnt}retraining {due['retraining']} is open."
    if due["retraining"]:
        return f"{learnt}retraining {due['retraining']} was under way already; look at 'frostdesk skills' after it."
    return f"{learnt}retrain it with 'frostdesk retrain {skill}'."


def _rows(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
