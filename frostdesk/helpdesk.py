"""Helpdesk connections and deliveries."""

from typing import Annotated

import typer

from frostdesk.client import Client, part, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, Limit, console

app = typer.Typer(help="Connect helpdesks by signed webhooks (Standard Webhooks).", no_args_is_help=True)
deliveries = typer.Typer(help="What was sent to helpdesks.", no_args_is_help=True)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Your name for it.")],
    url: Annotated[str | None, typer.Option(help="Where answers are posted.", show_default=False)] = None,
    secret: Annotated[str | None, typer.Option(help="whsec_...; left out: one is made.", show_default=False)] = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Connect a helpdesk; prints the endpoint for its events and the secret both sides sign with.

    Example: frostdesk connection new zen --url https://helpdesk.example/frostdesk
    """
    made = Client(desk).post("/v1/admin/connections", {"name": name, "url": url, "secret": secret})
    if as_json:
        print_json(made)
        return
    console.print(f"endpoint  {made['endpoint']}\nsecret    {made['secret']}")


@app.command("list")
def list_connections(desk: Desk = None, as_json: Json = False) -> None:
    """List connections."""
    found = Client(desk).get("/v1/admin/connections")
    if as_json:
        print_json(found)
        return
    for row in found:
        console.print(f"{row['name']}  {row['endpoint']}  ->  {row['url'] or '(nothing is posted)'}")
    if not found:
        console.print("None yet.")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="The name you gave it.")], desk: Desk = None) -> None:
    """Remove a connection with its stored events and deliveries."""
    Client(desk).call("DELETE", f"/v1/admin/connections/{part(name)}")
    console.print("Removed.")


@deliveries.command("list")
def list_deliveries(
    status: Annotated[str | None, typer.Option(help="queued, sent or dead", show_default=False)] = None,
    desk: Desk = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first."""
    found = Client(desk).get("/v1/admin/deliveries", status=status, limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("delivery", "connection", "status", "attempts", "answer", "error")
    for row in found:
        answer = str(row["answer_status"] or "-")
        table.add_row(row["id"], row["connection"], row["status"], str(row["attempt"]), answer, row["error"] or "")
    console.print(table if found else "None yet.")


@deliveries.command()
def resend(delivery: Annotated[str, typer.Argument(help="The delivery's id.")], desk: Desk = None) -> None:
    """Send a dead or waiting delivery again now."""
    Client(desk).post(f"/v1/admin/deliveries/{part(delivery)}/resend")
    console.print("Queued.")
