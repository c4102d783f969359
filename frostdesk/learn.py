"""Skills and their versions: retraining, promoting, rolling back."""

import time
from typing import Annotated, Any

import typer

from frostdesk.client import BAD_INPUT, REFUSED, Client, part, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, Limit, console
from frostdesk.progress import show_training, training_bar

SkillName = Annotated[str, typer.Argument(help="router, classification, faq, sentiment")]
POLL_SECONDS = 0.5
_LEFT_OUT = {
    "repeated": "that repeat another example",
    "customer": "beyond the share of one customer",
    "reviewer": "beyond one reviewer's share of a day",
    "planted": "that hang on one phrase (see 'frostdesk review')",
    "doubted": "that similar examples speak against (see 'frostdesk review')",
}


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (skills, versions, retrain, retrainings, cancel, approve, decline, promote, rollback):
        app.command()(command)


def skills(desk: Desk = None, as_json: Json = False) -> None:
    """List skills, their live versions and what waits to be learnt."""
    found = Client(desk).get("/v1/admin/skills")
    if as_json:
        print_json(found)
        return
    table = listing("skill", "kind", "live", "examples", "corrections waiting")
    for row in found:
        examples = ", ".join(f"{count} {role}" for role, count in sorted(row["examples"].items()))
        live = f"v{row['live_version']}" if row["live_version"] else "-"
        table.add_row(row["name"], row["kind"], live, examples or "-", str(row["corrections_waiting"]))
    console.print(table)
    for row in found:
        if row["retraining_due"]:
            console.print(f"{row['name']} learnt from data that is erased: 'frostdesk retrain {row['name']}'.")


def versions(skill: SkillName, desk: Desk = None, as_json: Json = False) -> None:
    """List a skill's versions with their scorecards, and the share each may answer within the error budget."""
    found = Client(desk).get(f"/v1/admin/skills/{part(skill)}/versions")
    if as_json:
        print_json(found)
        return
    table = listing("version", "status", "right", "answers alone", "digest", "made")
    for row in found:
        right = row["scorecard"].get("right")
        table.add_row(
            f"v{row['number']}",
            row["status"],
            f"{right:.1%}" if right is not None else "-",
            _coverage(row["error_budget"]),
            row["digest"][:12],
            row["created_at"][:19],
        )
    console.print(table)
    for warning in {axis["warning"] for row in found if row["status"] == "live" for axis in _axes(row)} - {None}:
        console.print(f"No guarantee yet: {warning}")


def _axes(version: dict[str, Any]) -> list[dict[str, Any]]:
    return list(version["error_budget"]["axes"].values())


def _coverage(said: dict[str, Any]) -> str:
    """Return what a version answers alone within the budget: '82 % within 5 %'."""
    parts = [axis for axis in said["axes"].values() if axis["coverage"] is not None]
    sure = all(axis["status"] == "guaranteed" for axis in parts)
    shown = ", ".join(f"{axis['coverage']:.0%} within {said['budget']:.1%}" for axis in parts) or "-"
    return shown if sure else f"{shown} (?)"


def retrain(
    skill: SkillName,
    wait: Annotated[bool, typer.Option(help="Wait for the end and show progress.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Order of the data; another one for a second opinion.")] = 0,
    idempotency_key: Annotated[str | None, typer.Option(help="Repeating a call with it is harmless.")] = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Retrain one skill; the gate decides whether the candidate is promoted. Exit code 1: refused.

    Example: frostdesk retrain router --wait
    """
    client = Client(desk)
    headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
    run = client.post(f"/v1/admin/skills/{part(skill)}/retrain", {"seed": seed}, headers=headers)
    if wait:
        run = _follow(client, run, quiet=as_json)
    if as_json:
        print_json(run)
    elif not wait:
        console.print(f"Retraining {run['id']} is {run['status']}; see 'frostdesk retrainings'.")
    else:
        _show_end(run)
    if run["status"] == "refused":
        raise typer.Exit(REFUSED)
    if run["status"] in ("failed", "cancelled"):
        raise typer.Exit(BAD_INPUT)


def retrainings(
    skill: Annotated[str | None, typer.Option(help="Only this skill's.", show_default=False)] = None,
    desk: Desk = None,
    limit: Limit = 10,
    as_json: Json = False,
) -> None:
    """List retrainings, newest first, with the gate's reasons."""
    found = Client(desk).get("/v1/admin/retrainings", skill=skill, limit=limit)
    if as_json:
        print_json(found)
        return
    table = listing("retraining", "skill", "status", "candidate", "reason")
    for row in found:
        reason = row["decision"].get("reason") or row["error"] or ""
        candidate = f"v{row['candidate']}" if row["candidate"] else "-"
        table.add_row(row["id"], row["skill"], row["status"], candidate, reason)
    console.print(table if found else "No retraining yet.")


def cancel(
    retraining: Annotated[str, typer.Argument(help="The retraining's id.")],
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Cancel a retraining."""
    run = Client(desk).post(f"/v1/admin/retrainings/{part(retraining)}/cancel")
    if as_json:
        print_json(run)
    else:
        console.print("Cancelled." if run["status"] == "cancelled" else "It will stop within a second or two.")


RetrainingId = Annotated[str, typer.Argument(help="The retraining's id, from 'frostdesk retrainings'.")]


def approve(retraining: RetrainingId, desk: Desk = None, as_json: Json = False) -> None:
    """Say yes to a candidate that waits for it ('frostdesk desk approval on').

    Example: frostdesk approve ret_…
    """
    _decide("approve", retraining, desk, as_json)


def decline(retraining: RetrainingId, desk: Desk = None, as_json: Json = False) -> None:
    """Say no to a candidate that waits for a yes; the live version stays."""
    _decide("decline", retraining, desk, as_json)


def _decide(word: str, retraining: str, desk: str | None, as_json: bool) -> None:
    run = Client(desk).post(f"/v1/admin/retrainings/{part(retraining)}/{word}")
    if as_json:
        print_json(run)
    else:
        _show_end(run)


def promote(
    skill: SkillName,
    version: Annotated[int, typer.Argument(help="The version's number.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "by hand",
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Make a version live by hand, against the gate's advice if need be.

    Example: frostdesk promote router 3 --reason "better on the golden messages"
    """
    _show_promotion(
        Client(desk).post(f"/v1/admin/skills/{part(skill)}/promote", {"version": version, "reason": reason}),
        as_json,
    )


def rollback(
    skill: SkillName,
    to: Annotated[
        int | None, typer.Option(help="A certain version; default: the one before.", show_default=False)
    ] = None,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Go back to the version that was live before.

    Example: frostdesk rollback router
    """
    _show_promotion(Client(desk).post(f"/v1/admin/skills/{part(skill)}/rollback", {"version": to}), as_json)


def _follow(client: Client, run: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """Show a retraining's progress until it has ended; return its last state."""
    with training_bar(quiet) as bar:
        task = bar.add_task("waiting for a worker", total=None, left="")
        while run["status"] in ("queued", "running"):
            time.sleep(POLL_SECONDS)
            run = client.get(f"/v1/admin/retrainings/{run['id']}")
            show_training(bar, task, run["progress"])
    return run


def _show_end(run: dict[str, Any]) -> None:
    if run["status"] == "held":
        words = f"'frostdesk approve {run['id']}' or 'frostdesk decline {run['id']}'"
        console.print(f"Version {run['candidate']} of {run['skill']} is not live yet; to decide now: {words}.")
    if run["status"] in ("promoted", "refused", "held"):
        console.print(f"Version {run['candidate']} of {run['skill']} {run['status']}: {run['decision']['reason']}")
        left = {reason: len(ids) for reason, ids in run["snapshot"].get("left_out", {}).items()}
        if left:
            told = ", ".join(f"{count} {_LEFT_OUT[reason]}" for reason, count in left.items())
            console.print(f"Not learnt from: {told}.")
    else:
        console.print(f"The retraining {run['status']}: {run['error'] or 'nothing was changed.'}")


def _show_promotion(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(made)
    else:
        console.print(f"{made['skill']}: version {made['to_version']} is live (before: {made['from_version']}).")
