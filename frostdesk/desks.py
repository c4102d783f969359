"""Desks, their table of intents, articles and imports."""

from pathlib import Path
from typing import Annotated, Any

import typer

from frostdesk.client import BAD_INPUT, Client, fail, part, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, console

desks = typer.Typer(help="List, create and change desks.", no_args_is_help=True)
intents = typer.Typer(help="The desk's table: each intent and what is done about it.", no_args_is_help=True)
articles = typer.Typer(help="FAQ articles.", no_args_is_help=True)
imports = typer.Typer(help="Bring in examples and articles from CSV or JSONL.", no_args_is_help=True)
Slug = Annotated[str, typer.Argument(help="A short name: small letters, digits, - and _.")]
Intent = Annotated[str, typer.Argument(help="The intent's name, such as card_arrival.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A .csv or .jsonl file.")]


@desks.command("list")
def list_desks(as_json: Json = False) -> None:
    """List the desks this key opens."""
    found = Client().get("/v1/admin/desks")
    _print(found, as_json, ("slug", "name", "site_key"))


@desks.command("create")
def create_desk(
    slug: Slug, name: Annotated[str, typer.Argument(help="The name that visitors see.")], as_json: Json = False
) -> None:
    """Create a desk with the four standard skills.

    Example: frostdesk desk create shop "The Shop"
    """
    _print_one(Client().post("/v1/admin/desks", {"slug": slug, "name": name}), as_json, ("slug", "name", "site_key"))


@desks.command("allow")
def allow_origins(
    origins: Annotated[list[str], typer.Argument(help="Origins such as https://shop.example; replaces the list.")],
    desk: Desk = None,
) -> None:
    """Set which web pages may embed the desk's chat."""
    changed = Client(desk).call("PATCH", "/v1/admin/desk", json={"allowed_origins": origins})
    console.print(f"Allowed: {', '.join(changed['allowed_origins']) or 'only our own pages'}")


@desks.command("identity")
def set_identity(
    word: Annotated[str, typer.Argument(help="new: make a secret (the one before ends); off: all are anonymous.")],
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Let the site say who its signed-in customers are, or no more.

    Example: frostdesk desk identity new
    """
    if word == "off":
        Client(desk).call("DELETE", "/v1/admin/desk/identity-secret")
        console.print("Every visitor is anonymous now.")
    elif word == "new":
        made = Client(desk).post("/v1/admin/desk/identity-secret")
        _print_one(made, as_json, ("secret",))
    else:
        fail("identity takes 'new' or 'off'.", BAD_INPUT)


@intents.command("list")
def list_intents(desk: Desk = None, as_json: Json = False) -> None:
    """List intents and their actions."""
    _print(Client(desk).get("/v1/admin/intents"), as_json, ("name", "action", "description"))


@intents.command("add")
def add_intent(
    name: Intent,
    action: Annotated[str, typer.Option(help="faq, label, hand_over, say, ask_back, silent, follow_up")] = "faq",
    description: Annotated[str, typer.Option(help="What it is about, for people.")] = "",
    reply: Annotated[str | None, typer.Option(help="What is said (say, ask_back, label).", show_default=False)] = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Create or change an intent. Give it examples by corrections or import, then retrain the router.

    Example: frostdesk intent add parcel_lost --action faq
    """
    body = {"action": action, "description": description, "reply": reply}
    made = Client(desk).call("PUT", f"/v1/admin/intents/{part(name)}", json=body)
    _print_one(made, as_json, ("name", "action", "description"))


@intents.command("remove")
def remove_intent(name: Intent, desk: Desk = None) -> None:
    """Remove an intent from the table."""
    Client(desk).call("DELETE", f"/v1/admin/intents/{part(name)}")
    console.print("Removed.")


@articles.command("list")
def list_articles(desk: Desk = None, as_json: Json = False) -> None:
    """List articles."""
    _print(Client(desk).get("/v1/admin/articles"), as_json, ("slug", "question", "link"))


@articles.command("remove")
def remove_article(slug: Slug, desk: Desk = None) -> None:
    """Remove an article."""
    Client(desk).call("DELETE", f"/v1/admin/articles/{part(slug)}")
    console.print("Removed.")


@imports.command("examples")
def import_examples(
    file: File,
    skill: Annotated[str, typer.Option(help="The skill the examples are for.")],
    role: Annotated[str | None, typer.Option(help="train, calibration, gate or golden", show_default=False)] = None,
    representative: Annotated[
        bool, typer.Option(help="Nobody picked these rows: spread them over train, calibration and gate.")
    ] = False,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Import judged texts: columns `text` and the skill's labels (an empty one: none of them).

    Example: frostdesk import examples router.csv --skill router   with   text,intent
    """
    params: dict[str, Any] = {"skill": skill, "form": _form(file), "representative": representative}
    if role:
        params["role"] = role
    _import(Client(desk), "/v1/admin/import/examples", file, params, as_json)


@imports.command("articles")
def import_articles(file: File, desk: Desk = None, as_json: Json = False) -> None:
    """Import articles: columns slug, question, answer, link, phrasings (several between bars).

    Example: frostdesk import articles faq.csv
    """
    _import(Client(desk), "/v1/admin/import/articles", file, {"form": _form(file)}, as_json)


def _import(client: Client, path: str, file: Path, params: dict[str, Any], as_json: bool) -> None:
    headers = {"content-type": "application/octet-stream"}
    content = file.read_bytes()
    if not content:
        fail(f"{file.name} is empty.", BAD_INPUT)
    done = client.call("POST", path, content=content, params=params, headers=headers)
    if as_json:
        print_json(done)
        return
    roles = ", ".join(f"{count} {role}" for role, count in sorted(done["by_role"].items()))
    console.print(f"Imported {done['added']}{f' ({roles})' if roles else ''}.")


def _print_one(row: dict[str, Any], as_json: bool, columns: tuple[str, ...]) -> None:
    if as_json:
        print_json(row)
    else:
        _print([row], as_json, columns)


def _form(file: Path) -> str:
    form = file.suffix.lstrip(".").casefold()
    if form not in ("csv", "jsonl"):
        fail(f"'{file.name}' is neither .csv nor .jsonl.", BAD_INPUT)
    return form


def _print(rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...]) -> None:
    if as_json:
        print_json(rows)
        return
    table = listing(*columns)
    for row in rows:
        table.add_row(*(str(row[column] or "") for column in columns))
    console.print(table if rows else "None yet.")
