"""Candidates on trial: in the shadow first, then answering a share of the conversations."""

from typing import Annotated, Any

import typer

from frostdesk.client import Client, part, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, Limit, console, share_of

app = typer.Typer(help="Try a version on live traffic before it goes live.", no_args_is_help=True)
SkillName = Annotated[str, typer.Argument(help="router, classification, faq, sentiment")]
TrialId = Annotated[str, typer.Argument(help="The trial's id, from 'frostdesk trial list'.")]
ShadowTurns = Annotated[int, typer.Option(min=0, help="Messages it reads beside the live version, unseen; 0: none.")]
Conversations = Annotated[int, typer.Option(min=0, help="Conversations it answers before it goes live; 0: none.")]
Share = Annotated[str, typer.Option(help="The share of the conversations it answers meanwhile.")]
_KINDS = {"escalated": "escalated", "abstained": "no answer", "disliked": "thumbs-down"}


def plan(shadow_turns: int, conversations: int, share: str) -> dict[str, Any]:
    """Return a trial's plan as the API takes it."""
    return {"shadow_turns": shadow_turns, "canary_conversations": conversations, "share": share_of(share)}


@app.command()
def start(
    skill: SkillName,
    version: Annotated[int, typer.Argument(help="The version's number, from 'frostdesk versions'.")],
    shadow_turns: ShadowTurns = 100,
    conversations: Conversations = 50,
    share: Share = "25%",
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Put a version on trial; it goes live by itself at the end, or back if it is worse.

    Every retraining's candidate: frostdesk desk trial on. Undo: frostdesk trial stop.

    Example: frostdesk trial start router 3 --share 10%
    """
    body = {"version": version, **plan(shadow_turns, conversations, share)}
    _show(Client(desk).post(f"/v1/admin/skills/{part(skill)}/trials", body), as_json)


@app.command("list")
def list_trials(
    skill: Annotated[str | None, typer.Option(help="Only this skill's.", show_default=False)] = None,
    desk: Desk = None,
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """List trials, newest first: where each stands and why it ended."""
    found = Client(desk).get("/v1/admin/trials", skill=skill, limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("trial", "skill", "version", "stage", "seen", "reason")
    for row in found:
        version = f"v{row['version']} against v{row['against']}"
        table.add_row(row["id"], row["skill"], version, row["stage"], _seen(row), row["reason"] or "")
    console.print(table if found else "No trial yet; begin one with 'frostdesk trial start'.")


@app.command()
def show(trial: TrialId, desk: Desk = None, limit: Limit = 10, as_json: Json = False) -> None:
    """Show what a trial has found, and messages to which the candidate would have said something else."""
    client = Client(desk)
    found = client.get(f"/v1/admin/trials/{part(trial)}")
    differences = client.get(f"/v1/admin/trials/{part(trial)}/differences", limit=limit)
    if as_json:
        print_json({**found, "differences": differences})
        return
    _show(found, as_json=False)
    for stage, figures in found["figures"].items():
        console.print(_summary(stage, figures))
        for kind, name in _KINDS.items():
            if kind in figures:
                of = f"{figures[kind]['candidate']} of {figures[kind]['events']} were the candidate's"
                console.print(f"{stage}: {name}: {of} (evidence {figures[kind]['evidence']:g} of 20)")
    if differences:
        table = listing("turn", "message", "said", "would say")
        for row in differences:
            table.add_row(row["turn_id"], row["text"], _words(row["said"]), _words(row["would"]))
        console.print(table)


@app.command()
def stop(trial: TrialId, desk: Desk = None, as_json: Json = False) -> None:
    """Stop a trial; the live version answers alone again."""
    _show(Client(desk).post(f"/v1/admin/trials/{part(trial)}/stop"), as_json)


def _summary(stage: str, figures: dict[str, Any]) -> str:
    if stage == "shadow":
        same = figures["same_answer"]
        return f"shadow: {figures['seen']} messages" + (
            f", {same:.0%} of them answered the same" if same is not None else ""
        )
    return f"canary: {figures['conversations']} conversations, {figures['seen']} of them the candidate's"


def _show(trial: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(trial)
        return
    what = f"{trial['skill']}: version {trial['version']} against {trial['against']}"
    console.print(f"{trial['id']}  {what}  {trial['stage']}, {_seen(trial)}")
    if trial["reason"]:
        console.print(trial["reason"])


def _seen(trial: dict[str, Any]) -> str:
    """Return how far the trial's stage has come: '37 of 100 messages'."""
    stages = {"shadow": ("shadow_turns", "messages"), "canary": ("canary_conversations", "conversations")}
    at = trial["stage"] if trial["stage"] in stages else next(reversed(trial["figures"]), None)
    if at is None:
        return "nothing seen yet"
    wanted, unit = stages[at]
    return f"{trial['figures'].get(at, {}).get('seen', 0)} of {trial[wanted]} {unit}"


def _words(answer: dict[str, Any]) -> str:
    return " ".join(part for part in (answer["outcome"], answer["article"] or answer["intent"]) if part)
