"""`frostdesk ask`: one message to the running desk, with everything it decided."""

from typing import Annotated, Any

import typer

from frostdesk.client import BAD_INPUT, Client, fail, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, console


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command()(ask)


def ask(
    message: Annotated[str, typer.Argument(help="What the customer writes.")],
    conversation: Annotated[str | None, typer.Option(help="Continue this conversation.", show_default=False)] = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Ask the desk something and see route, verdicts, confidences and prompt versions.

    Example: frostdesk ask "my card still hasn't come"
    """
    if not message.strip():
        fail("The message is empty.", BAD_INPUT)
    turn = Client(desk).post("/v1/chat", {"message": message, "conversation_id": conversation})
    if as_json:
        print_json(turn)
    else:
        show_turn(turn)


def show_turn(turn: dict[str, Any]) -> None:
    """Print a turn for a person."""
    console.print(turn["reply"] or "[dim](no reply: " + turn["outcome"] + ")[/dim]", markup=turn["reply"] is None)
    for article in turn["suggestions"]:
        console.print(f"- {article['question']}", markup=False)
    route = turn["route"]
    intent = route["intent"] or "out of scope"
    where = f"route {intent} ({route['confidence']:.2f}) -> {route['action'] or '-'}"
    console.print(f"\n[bold]{turn['outcome']}[/bold]   {where}   {turn['milliseconds']} ms")
    if turn["escalation"]:
        console.print(f"[bold]handed over[/bold]: {turn['escalation']['reason']}")
        console.print(turn["escalation"]["summary"], style="dim", markup=False)
    table = listing("skill", "says", "confidence", "accepted", "version")
    for verdict in turn["verdicts"]:
        says = verdict["label"] or verdict["article"]
        context = " (with the message before)" if verdict["in_context"] else ""
        table.add_row(
            verdict["skill"],
            f"{says}{context}",
            f"{verdict['confidence']:.2f}",
            "yes" if verdict["accepted"] else "-",
            f"v{verdict['version']}",
        )
    console.print(table)
    console.print(f"conversation {turn['conversation_id']}   turn {turn['turn_id']}", style="dim")
