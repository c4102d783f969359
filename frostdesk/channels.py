"""Helpdesk connections, what they posted and what was sent to them."""

import sys
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import typer

from frostdesk.client import BAD_INPUT, Client, fail, part, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, Limit, console
from frostdesk.sample import try_out

app = typer.Typer(
    help="Connect helpdesks: Standard Webhooks, Chatwoot, Zendesk, Intercom, Zammad, Freshdesk, Help Scout, Front, "
    "Gorgias, HubSpot, Slack, Sunshine Conversations.",
    no_args_is_help=True,
)
deliveries = typer.Typer(help="What was sent to helpdesks.", no_args_is_help=True)
Named = Annotated[str, typer.Argument(help="The name you gave it.")]
Kind = Literal[
    "standard",
    "chatwoot",
    "zendesk",
    "intercom",
    "zammad",
    "freshdesk",
    "helpscout",
    "front",
    "gorgias",
    "hubspot",
    "slack",
    "sunshine",
]
MODE = "answer, draft (replies become notes), label, or watch (send nothing)"


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Your name for it.")],
    kind: Annotated[Kind, typer.Option(help="What it is.")] = "standard",
    mode: Annotated[str, typer.Option(help=MODE)] = "answer",
    url: Annotated[str | None, typer.Option(help="Where answers are posted.", show_default=False)] = None,
    secret: Annotated[
        str | None,
        typer.Option(help="whsec_... (left out: one is made), or what the helpdesk shows.", show_default=False),
    ] = None,
    having: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            help="Chatwoot: account_id=3. Zendesk: email=bot@shop.example and user_id=123. "
            "Intercom: user_id=123 and, if you like, team_id=45. Zammad: user_id=5 and, if you like, group_id=3. "
            "Freshdesk: group_id=45, if you like. Help Scout: app_id=abc, user_id=123 and, if you like, team_id=45. "
            "Front: user_id=tea_2 and, if you like, inbox_id=inb_3. "
            "Gorgias: email=bot@shop.example, user_id=123 and, if you like, team_id=45. HubSpot: user_id=123. "
            "Slack: notes_channel=C123, if you like. Sunshine Conversations: app_id=6a1, key_id=app_6b2, "
            "integration=frostdesk and, if you like, next=zd-agentWorkspace and field_id=123.",
            metavar="NAME=VALUE",
            show_default=False,
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="FROSTDESK_CHANNEL_TOKEN",
            help="All but standard: the API token (Help Scout: the app's secret); asked for if absent.",
            show_default=False,
        ),
    ] = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Connect a helpdesk; prints the endpoint for its events and the secret both sides sign with.

    Example: frostdesk channel new zen --url https://helpdesk.example/frostdesk

    Example: frostdesk channel new cw --kind chatwoot --url https://chat.example --with account_id=3
    """
    body: dict[str, Any] = {"name": name, "kind": kind, "mode": mode, "url": url, "secret": secret}
    if kind != "standard":
        pairs = [pair.partition("=") for pair in having or ()]
        if not all(value for _, _, value in pairs):
            fail("--with takes NAME=VALUE, such as account_id=3.", BAD_INPUT)
        body["credentials"] = {given: value for given, _, value in pairs}
        body["credentials"]["token"] = token or _ask_token()
    made = Client(desk).post("/v1/admin/connections", body)
    if as_json:
        print_json(made)
        return
    console.print(f"endpoint  {made['endpoint']}\nsecret    {made['secret'] or '(none: events are taken unsigned)'}")


def _ask_token() -> str:
    if not sys.stdin.isatty():
        fail("An API token is needed: set FROSTDESK_CHANNEL_TOKEN, or run this in a terminal to be asked.", BAD_INPUT)
    return str(typer.prompt("API token", hide_input=True))


@app.command("list")
def list_connections(desk: Desk = None, as_json: Json = False) -> None:
    """List connections."""
    found = Client(desk).get("/v1/admin/connections")
    if as_json:
        print_json(found)
        return
    for row in found:
        sends = row["url"] or "(nothing is posted)"
        console.print(f"{row['name']}  {row['kind']}  {row['mode']}  {row['endpoint']}  ->  {sends}")
    if not found:
        console.print("None yet.")


@app.command("mode")
def set_mode(name: Named, mode: Annotated[str, typer.Argument(help=MODE)], desk: Desk = None) -> None:
    """Say what is done with the desk's answers.

    Example: frostdesk channel mode zen draft
    """
    changed = Client(desk).call("PATCH", f"/v1/admin/connections/{part(name)}", json={"mode": mode})
    console.print(f"{changed['name']}: {changed['mode']}.")


@app.command("secret")
def set_secret(name: Named, secret: Annotated[str, typer.Argument(help="The new one.")], desk: Desk = None) -> None:
    """Give a connection another secret; events signed by the one before are still taken."""
    Client(desk).call("PATCH", f"/v1/admin/connections/{part(name)}", json={"secret": secret})
    console.print("Changed. Events signed by the secret before are taken until the next change.")


@app.command("test")
def try_channel(name: Named, desk: Desk = None) -> None:
    """Post a signed sample message to the running server and print each step; nothing is sent to the helpdesk.

    Example: frostdesk channel test zen
    """
    client = Client(desk)
    sample = client.post(f"/v1/admin/connections/{part(name)}/test")
    try_out(client, name, sample, urlsplit(sample["endpoint"]).path)


@app.command()
def events(
    name: Named,
    status: Annotated[str | None, typer.Option(help="queued, handled, ignored or failed", show_default=False)] = None,
    desk: Desk = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List what a helpdesk posted, newest first, without what it says."""
    found = Client(desk).get("/v1/admin/events", connection=name, status=status, limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("event", "ticket", "status", "turn", "error")
    for row in found:
        table.add_row(row["event_id"], row["ticket_id"] or "", row["status"], row["turn_id"] or "", row["error"] or "")
    console.print(table if found else "None yet.")


@app.command()
def remove(name: Named, desk: Desk = None) -> None:
    """Remove a connection with its stored events and deliveries."""
    Client(desk).call("DELETE", f"/v1/admin/connections/{part(name)}")
    console.print("Removed.")


@deliveries.command("list")
def list_deliveries(
    status: Annotated[str | None, typer.Option(help="queued, sent, skipped or dead", show_default=False)] = None,
    desk: Desk = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first."""
    found = Client(desk).get("/v1/admin/deliveries", status=status, limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("delivery", "connection", "action", "status", "attempts", "answer", "error")
    for row in found:
        answer, what = str(row["answer_status"] or "-"), (row["action"], row["status"], str(row["attempt"]))
        table.add_row(row["id"], row["connection"], *what, answer, row["error"] or "")
    console.print(table if found else "None yet.")


@deliveries.command()
def resend(delivery: Annotated[str, typer.Argument(help="The delivery's id.")], desk: Desk = None) -> None:
    """Send a dead, skipped or waiting delivery again now."""
    Client(desk).post(f"/v1/admin/deliveries/{part(delivery)}/resend")
    console.print("Queued.")
