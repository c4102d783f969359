"""`frostdesk prove-isolation`: retraining one skill leaves everything else exactly as it was."""

import logging
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.logs import configure_logging
from agent.settings import Settings
from frostdesk.client import REFUSED, fail, print_json
from frostdesk.listing import listing
from frostdesk.options import Desk, Json, console
from frostdesk.progress import show_training, training_bar

if TYPE_CHECKING:
    from frostdesk.proof import Proof

QUICKEST = "faq"
"""Of the demo desk's skills it trains in the least time: 11 seconds on two cores, the others 13 to 36."""


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command()(prove_isolation)


def prove_isolation(
    skill: Annotated[str, typer.Argument(help="The skill to retrain; the default trains quickest.")] = QUICKEST,
    messages: Annotated[int, typer.Option(min=1, help="How many messages the other skills read.")] = 500,
    desk: Desk = None,
    as_json: Json = False,
) -> None:
    """Retrain one skill and prove that nothing else changed, to the bit. Exit code 1: something did.

    It is a retraining like any other: the gate decides, and what it promotes stays live. It works on the
    installation's database itself, with its settings, whether a server runs or not.

    Examples: frostdesk prove-isolation   |   frostdesk prove-isolation classification --messages 100 --json
    """
    proof = _prove(Settings(), desk, skill, messages, quiet=as_json)
    undo = _undo(proof, desk)
    if as_json:
        print_json(_as_json(proof, undo))
    else:
        _show(proof, undo)
    if proof.against:
        fail(f"Not everything stayed as it was. {' '.join(proof.against)}", REFUSED)


def _prove(settings: Settings, desk: str | None, skill: str, messages: int, quiet: bool) -> "Proof":
    # Imported here: the other commands start faster without torch.
    from agent.office import close_office, open_office  # noqa: PLC0415
    from agent.schema_revision import wait_for_revision  # noqa: PLC0415
    from frostdesk.proof import prove  # noqa: PLC0415

    configure_logging(settings.log_json)
    logging.getLogger().setLevel(logging.ERROR)  # the retraining's row tells the rest
    office = open_office(settings)
    try:
        wait_for_revision(office.database, seconds=0)
        with training_bar(quiet) as bar:
            task = bar.add_task("", total=None, left="")
            return prove(office, desk, skill, messages, lambda now: show_training(bar, task, now))
    finally:
        close_office(office)


def _undo(proof: "Proof", desk: str | None) -> str | None:
    """Return the command that goes back to the version before, if the new one is live."""
    if proof.before is None or proof.live is None or proof.live.id == proof.before.id:
        return None
    return f"frostdesk rollback {proof.skill}" + (f" --desk {desk}" if desk else "")


def _as_json(proof: "Proof", undo: str | None) -> dict[str, Any]:
    numbers = {"before": proof.before, "candidate": proof.candidate, "live": proof.live}
    return {
        "holds": not proof.against,
        "desk": proof.desk,
        "skill": proof.skill,
        "messages": proof.messages,
        "claims": [
            {
                "name": claim.name,
                "says": claim.says,
                "holds": claim.holds,
                "compared": claim.compared,
                "figures": claim.figures,
                "differences": claim.differences,
            }
            for claim in proof.claims
        ],
        "retraining": {"id": proof.retraining.id, "status": proof.retraining.status, "reason": _reason(proof)},
        "versions": {name: version.number if version else None for name, version in numbers.items()},
        "undo": undo,
    }


def _show(proof: "Proof", undo: str | None) -> None:
    table = listing("", "claim", "compared")
    for claim in proof.claims:
        table.add_row("✓" if claim.holds else "✗", claim.says, claim.compared)
    console.print(table)
    version = f"Version {proof.candidate.number} of {proof.skill}" if proof.candidate else "The retraining"
    console.print(f"{version} {proof.retraining.status}: {_reason(proof)}", markup=False)
    live = f"Version {proof.live.number} is live." if proof.live else "No version is live."
    console.print(f"{live} To undo: {undo}" if undo else live, markup=False)


def _reason(proof: "Proof") -> str:
    return str(proof.retraining.decision.get("reason") or proof.retraining.error or "nothing was changed.")
