"""Reviewing turns: what to judge next, saying what is right, taking it back."""

from datetime import datetime
from typing import Annotated, Any

import typer

from frostdesk.client import BAD_INPUT, Client, fail, part, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, Limit, console

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None, "null": None}
Note = Annotated[str | None, typer.Option(help="Why, for whoever reads it later.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (review, correct, corrections, withdraw):
        app.command()(command)


def review(desk: Desk = None, limit: Limit = 20, as_json: Json = False) -> None:
    """List turns that wait for a human's judgement, most instructive first."""
    found = Client(desk).get("/v1/admin/review", limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("turn", "message", "why", "read as", "outcome")
    for row in found:
        turn = row["turn"]
        confidence, article = turn["route"]["confidence"], turn["article"]
        sure = f" ({confidence:.2f})" if confidence is not None else ""
        table.add_row(
            turn["turn_id"],
            row["text"][:60] + (f" (x{row['stands_for']})" if row["stands_for"] > 1 else ""),
            _why(row),
            (turn["route"]["intent"] or "out of scope") + sure,
            turn["outcome"] + (f": {article['slug']}" if article else ""),
        )
    console.print(table if found else "Nothing waits for review.")


def correct(
    turn: Annotated[str, typer.Argument(help="The turn's id, from ask or review.")],
    skill: Annotated[str, typer.Option(help="Which skill was wrong.")],
    target: Annotated[
        list[str] | None, typer.Option(help="What is right, as NAME=VALUE; repeat for several.", show_default=False)
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Learn these words instead of the customer's.", show_default=False)
    ] = None,
    new_intent: Annotated[bool, typer.Option(help="The intent is new: add it to the desk first.")] = False,
    discard: Annotated[bool, typer.Option(help="Nothing can be learnt from it: take it out of the queue.")] = False,
    note: Note = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Say what is right for a turn; it becomes an example the skill learns from.

    Examples: --skill router --target intent=card_arrival   (intent=none: out of scope)
    --skill faq --target article=change-pin   --skill sentiment --target asks_for_human=true
    --skill router --target intent=travel_insurance --new-intent   --skill router --discard
    """
    body = {
        "turn_id": turn,
        "skill": skill,
        "target": dict(map(_pair, target or [])),
        "text": text,
        "new_intent": new_intent,
        "discard": discard,
        "note": note,
    }
    made = Client(desk).post("/v1/admin/corrections", body)
    if as_json:
        print_json(made)
    elif discard:
        console.print(f"Recorded as {made['id']}; the turn has left the review queue.")
    else:
        console.print(f"Recorded as {made['id']}; the example {made['example_id']} goes to {made['role']}.")


def corrections(desk: Desk = None, limit: Limit = 20, as_json: Json = False) -> None:
    """List corrections, newest first: who judged what, and which still stand."""
    found = Client(desk).get("/v1/admin/corrections", limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("correction", "skill", "action", "target", "reviewer", "made", "stands")
    for row in found:
        target = ", ".join(f"{name}={_said(value)}" for name, value in row["target"].items())
        stands = "no" if row["ended_at"] else "yes"
        table.add_row(
            row["id"], row["skill"], row["action"], target or "-", row["reviewer"], row["created_at"][:19], stands
        )
    console.print(table if found else "Nothing was corrected yet.")


def withdraw(
    correction: Annotated[str | None, typer.Argument(help="The correction's id.", show_default=False)] = None,
    reviewer: Annotated[str | None, typer.Option(help="Everything of this reviewer.", show_default=False)] = None,
    since: Annotated[
        datetime | None, typer.Option(help="With --reviewer: only from then on.", show_default=False)
    ] = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Take a correction back, or all of a reviewer's: the examples go, the turns are judged anew.

    Examples: frostdesk withdraw corr_…   frostdesk withdraw --reviewer ana --since 2026-11-20
    """
    if (correction is None) == (reviewer is None):
        fail("Name a correction, or a reviewer with --reviewer.", BAD_INPUT)
    client = Client(desk)
    if correction is not None:
        ended = [client.post(f"/v1/admin/corrections/{part(correction)}/withdraw")]
    else:
        moment = since.astimezone().isoformat() if since else None
        ended = client.post("/v1/admin/corrections/withdraw", {"reviewer": reviewer, "since": moment})
    if as_json:
        print_json(ended)
    else:
        console.print(f"{len(ended)} correction(s) withdrawn. Retrain to forget what was learnt from them.")


def _why(row: dict[str, Any]) -> str:
    """Return the reasons in words; of a doubted judgement also what its neighbours say: 'doubted (intent=none?)'."""
    found = [reason.replace("_", " ") for reason in row["why"]]
    if row["doubt"]:
        phrase = row["doubt"]["phrase"]
        rather = ", ".join(f"{name}={_said(value)}" for name, value in row["doubt"]["rather"].items())
        rather = f"because of '{phrase}'" if phrase else rather
        found = [f"doubted ({rather}?)" if reason == "doubted" else reason for reason in found]
    return ", ".join(found) or "-"


def _said(value: str | bool | None) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else value


def _pair(text: str) -> tuple[str, str | bool | None]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        fail(f"'{text}' is not NAME=VALUE, such as intent=card_arrival.", BAD_INPUT)
    return name, _WORDS.get(value.casefold(), value)
