"""Admin keys."""

from typing import Annotated

import typer

from agent.settings import Settings
from frostdesk.client import Client, part, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, console

app = typer.Typer(help="Make, list and revoke admin keys.", no_args_is_help=True)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    installation: Annotated[bool, typer.Option(help="Open every desk, not only one.")] = False,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Make a key. It is shown this once; only its hash is kept.

    Example: frostdesk key new "helpdesk script"
    """
    made = Client(desk).post("/v1/admin/keys", {"name": name, "installation": installation})
    if as_json:
        print_json(made)
    else:
        console.print(made["key"])


@app.command()
def first(name: Annotated[str, typer.Argument(help="Who will use it.")] = "first key") -> None:
    """Make a key for the whole installation in the database itself, for a server that 'up' did not start.

    Example: frostdesk key first operator
    """
    from agent.database import Database  # noqa: PLC0415 - the other commands need no database
    from agent.keys import make_key  # noqa: PLC0415

    database = Database(Settings().database, pool=1)
    try:
        with database.writing() as session:
            _, key = make_key(session, name, None)
    finally:
        database.close()
    console.print(key)


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """List keys, without their secrets."""
    found = Client().get("/v1/admin/keys")
    if as_json:
        print_json(found)
        return
    table = listing("key", "name", "opens", "made", "used", "revoked")
    for row in found:
        times = [(row[field] or "-")[:19] for field in ("created_at", "used_at", "revoked_at")]
        table.add_row(row["id"], row["name"], row["desk_id"] or "installation", *times)
    console.print(table)


@app.command()
def revoke(key: Annotated[str, typer.Argument(help="The key's id, from 'key list'.")]) -> None:
    """End a key at once."""
    Client().call("DELETE", f"/v1/admin/keys/{part(key)}")
    console.print("Revoked.")
