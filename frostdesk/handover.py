"""Conversations in human hands."""

from typing import Annotated

import typer

from frostdesk.client import Client, part, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, Limit, console

app = typer.Typer(help="Read conversations, answer as a human, give back, close.", no_args_is_help=True)
Conversation = Annotated[str, typer.Argument(help="The conversation's id.")]


def register(root: typer.Typer) -> None:
    """Add this file's top-level command."""
    root.command()(escalations)


def escalations(desk: Desk = None, limit: Limit = 20, as_json: Json = False) -> None:
    """List conversations that wait for a human, with why, a summary and the address they left."""
    found = Client(desk).get("/v1/admin/escalations", limit=limit)
    if as_json:
        print_json(found)
        return
    for row in found:
        console.print(f"[bold]{row['conversation_id']}[/bold]  {row['reason']}  since {row['opened_at'][:19]}")
        address = f"\nE-mail: {row['email']}" if row["email"] else ""
        console.print(f"{row['summary']}{address}\n", style="dim", markup=False)
    if not found:
        console.print("Nobody waits for a human.")


@app.command("list")
def list_conversations(
    owner: Annotated[str | None, typer.Option(help="bot or human", show_default=False)] = None,
    desk: Desk = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """List conversations, newest first."""
    found = Client(desk).get("/v1/admin/conversations", owner=owner, limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("conversation", "channel", "owner", "status", "rating", "e-mail", "last news")
    for row in found:
        seen = (row["rating"] or "", row["email"] or "", row["updated_at"][:19])
        table.add_row(row["id"], row["channel"], row["owner"], row["status"], *seen)
    console.print(table if found else "No conversation yet.")


@app.command()
def read(conversation: Conversation, desk: Desk = None, as_json: Json = False) -> None:
    """Read a conversation."""
    found = Client(desk).get(f"/v1/admin/conversations/{part(conversation)}")
    if as_json:
        print_json(found)
        return
    for message in found["messages"]:
        console.print(f"[bold]{message['author']:>9}[/bold]  ", end="")
        console.print(message["text"], markup=False)
    address = f", e-mail {found['email']}" if found["email"] else ""
    console.print(f"owner {found['owner']}, {found['status']}{address}", style="dim", markup=False)


@app.command()
def reply(
    conversation: Conversation,
    text: Annotated[str, typer.Argument(help="What you say to the customer.")],
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Answer as a human; the bot stays silent until you give the conversation back.

    Example: frostdesk conversation reply CONVERSATION "I have sent you a new card."
    """
    sent = Client(desk).post(f"/v1/admin/conversations/{part(conversation)}/reply", {"text": text})
    if as_json:
        print_json(sent)
    else:
        console.print("Sent.")


@app.command("give-back")
def give_back(conversation: Conversation, desk: Desk = None, as_json: Json = False) -> None:
    """Give a conversation back to the bot."""
    found = Client(desk).post(f"/v1/admin/conversations/{part(conversation)}/give-back")
    if as_json:
        print_json(found)
    else:
        console.print("The bot has it again.")


@app.command()
def close(conversation: Conversation, desk: Desk = None, as_json: Json = False) -> None:
    """Close a conversation."""
    found = Client(desk).post(f"/v1/admin/conversations/{part(conversation)}/close")
    if as_json:
        print_json(found)
    else:
        console.print("Closed.")
