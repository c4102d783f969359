"""Endpoints of a desk's own, and what they were told."""

import time
from typing import Annotated, Any

import typer

from frostdesk.client import BAD_INPUT, Client, fail, part, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, Limit, console

app = typer.Typer(help="Tell servers of your own what happens, by Standard Webhooks.", no_args_is_help=True)
Named = Annotated[str, typer.Argument(help="The name you gave it.")]
Types = Annotated[
    list[str] | None,
    typer.Option("--type", help="Only this type of event; repeat it for several, 'all' for all.", show_default=False),
]
PATIENCE = 60.0
LOOK_SECONDS = 0.3


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Your name for it.")],
    url: Annotated[str, typer.Argument(help="Where events are posted.")],
    types: Types = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Tell a server of events from now on; prints the secret that signs them, this once.

    Example: frostdesk endpoint new pager https://ops.example/frostdesk --type conversation.escalated
    """
    made = Client(desk).post("/v1/admin/endpoints", {"name": name, "url": url, "types": _chosen(types) or []})
    _show(made, as_json)


@app.command("list")
def list_endpoints(desk: Desk = None, as_json: Json = False) -> None:
    """List endpoints: whether each is enabled or why not, and what waits for it."""
    found = Client(desk).get("/v1/admin/endpoints")
    if as_json:
        print_json(found)
        return
    for row in found:
        _print(row)
    if not found:
        console.print("None yet; make one with 'frostdesk endpoint new'.")


@app.command()
def change(
    name: Named,
    url: Annotated[str | None, typer.Option(help="Where events are posted.", show_default=False)] = None,
    types: Types = None,
    enable: Annotated[
        bool | None,
        typer.Option("--enable/--disable", help="Tell it of events again, or no more.", show_default=False),
    ] = None,
    new_secret: Annotated[
        bool, typer.Option("--new-secret", help="Make another secret; the one before signs beside it until the next.")
    ] = False,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Change an endpoint's address, types or secret, disable it, or enable it again.

    Example: frostdesk endpoint change pager --enable
    """
    client, path = Client(desk), f"/v1/admin/endpoints/{part(name)}"
    wanted = {"url": url, "types": _chosen(types), "enabled": enable}
    body = {field: value for field, value in wanted.items() if value is not None}
    if not body and not new_secret:
        fail("Say what to change: --url, --type, --enable, --disable or --new-secret.", BAD_INPUT)
    changed = client.call("PATCH", path, json=body)
    if new_secret:
        changed = client.post(f"{path}/secret")
    _show(changed, as_json)


@app.command()
def delete(name: Named, desk: Desk = None) -> None:
    """Remove an endpoint with its events."""
    Client(desk).call("DELETE", f"/v1/admin/endpoints/{part(name)}")
    console.print("Removed.")


@app.command("test")
def try_endpoint(name: Named, desk: Desk = None, as_json: Json = False) -> None:
    """Send an endpoint an event of the type endpoint.test and print what came of it. Exit code 2: it did not arrive.

    Example: frostdesk endpoint test pager
    """
    client = Client(desk)
    sent = client.post(f"/v1/admin/endpoints/{part(name)}/test")
    row = _tried(client, name, sent["id"])
    if row is None:
        fail(
            "No worker has sent the event. Is one running, and is the endpoint at rest? See 'endpoint list'.", BAD_INPUT
        )
    if row["status"] != "sent":
        fail(f"{row['id']} did not arrive: {row['error']}", BAD_INPUT)
    if as_json:
        print_json(row)
    else:
        console.print(f"{row['id']} has arrived: the endpoint answered {row['answer_status']}.")


@app.command()
def events(
    name: Named,
    status: Annotated[str | None, typer.Option(help="queued, sent or dead", show_default=False)] = None,
    desk: Desk = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List what an endpoint was told, or is to be told, newest first.

    Example: frostdesk endpoint events pager --status dead
    """
    found = Client(desk).get(f"/v1/admin/endpoints/{part(name)}/events", status=status, limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("event", "type", "happened", "status", "attempts", "answer", "error")
    for row in found:
        what = (row["type"], row["happened_at"][:19], row["status"], str(row["attempt"]))
        table.add_row(row["id"], *what, str(row["answer_status"] or "-"), row["error"] or "")
    console.print(table if found else "None yet.")


@app.command()
def resend(
    name: Named,
    event: Annotated[str | None, typer.Option(help="Only this event (out_...).", show_default=False)] = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Send an endpoint its dead events again, or one that has not arrived.

    Example: frostdesk endpoint resend pager
    """
    said = Client(desk).post(f"/v1/admin/endpoints/{part(name)}/resend", {"event": event})
    if as_json:
        print_json(said)
    else:
        console.print(f"Queued: {said['queued']}.")


def _chosen(types: list[str] | None) -> list[str] | None:
    return [] if types and "all" in types else types


def _tried(client: Client, name: str, event_id: str) -> dict[str, Any] | None:
    """Return an event once it was tried, None if it never is."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        listed = client.get(f"/v1/admin/endpoints/{part(name)}/events", event=event_id)
        for row in listed:
            if row["status"] != "queued" or row["error"]:
                found: dict[str, Any] = row
                return found
        time.sleep(LOOK_SECONDS)
    return None


def _show(endpoint: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(endpoint)
        return
    _print(endpoint)
    if "secret" in endpoint:
        console.print(f"secret  {endpoint['secret']}")


def _print(row: dict[str, Any]) -> None:
    console.print(f"{row['name']}  {row['url']}  {', '.join(row['types']) or 'all events'}")
    failing = f", failing since {row['failing_since'][:19]}" if row["failing_since"] else ""
    state = f"enabled{failing}" if row["enabled"] else f"disabled: {row['disabled_reason']}"
    console.print(f"  {state}; {row['waiting']} waiting, {row['dead']} dead")
