"""A candidate: tuned, stored, held against the live version, promoted or rejected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.errors import Conflict
from agent.examples import as_shapes
from agent.office import Office
from agent.promotions import promote
from agent.releases import read_artefact
from agent.retrainings import end, write
from agent.tables import Artefact, Desk, Example, Retraining, Skill, Version
from skills import gate
from skills import skill as shapes
from skills.backbone import Backbone
from skills.checkpoint import pack, unpack
from skills.errors import TuningCancelled
from skills.index import Index, build_index
from skills.prompt import SoftPrompt
from skills.scorecard import judge, prompt_card
from skills.tuning import Tuned, tune
from workers.comparison import judged_rows, new_label_rows, overtaken_rows
from workers.heartbeat import Progress


def tune_candidate(
    backbone: Backbone, ready: shapes.Skill, rows: Sequence[Example], row: Retraining, progress: Progress
) -> Tuned:
    """Tune a candidate on the frozen examples. Raises CannotTune, BackboneChanged, TuningCancelled."""
    lineage = {"retraining": row.id, "snapshot": row.snapshot["hash"], "trigger": row.trigger}
    return tune(backbone, ready, as_shapes(rows), seed=row.seed, on_step=progress.step, lineage=lineage)


def store_candidate(office: Office, row: Retraining, tuned: Tuned) -> str:
    """Write a candidate's bytes and its version row once; return the version's id. Raises LeaseLost."""
    digest, content = pack(tuned.prompt, office.backbone.dimensions)
    with office.database.writing() as session:
        write(session, row)  # fence first: a worker that lost its lease stores nothing
        if session.get(Artefact, digest) is None:
            session.add(Artefact(digest=digest, content=content))
            session.flush()
        last = session.scalar(select(func.max(Version.number)).where(Version.skill_id == row.skill_id))
        version = Version(
            skill_id=row.skill_id,
            number=(last or 0) + 1,
            digest=digest,
            fingerprint=tuned.prompt.fingerprint,
            lineage={**tuned.prompt.lineage, "snapshot_hash": row.snapshot["hash"]},
        )
        session.add(version)
        session.flush()
        write(session, row, candidate_id=version.id)
    return version.id


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What the gate said of a candidate, to be written with it."""

    version_id: str
    live_id: str | None
    decision: gate.Decision
    card: dict[str, Any]

    def write(self, office: Office, row: Retraining) -> str:
        """Promote, hold for a human's yes, or reject, in one transaction; return the desk's id.

        Raises LeaseLost, TuningCancelled.
        """
        with office.database.writing() as session:
            write(session, row)  # fence first: after it nobody can take over or cancel any more
            if session.scalar(select(Retraining.cancel_asked).where(Retraining.id == row.id)):
                raise TuningCancelled("cancelled")
            version = session.get_one(Version, self.version_id)
            skill = session.get_one(Skill, row.skill_id)
            version.scorecard = {**self.card, "gate": self.decision.figures}
            decision = self.decision
            held = decision.promote and session.get_one(Desk, skill.desk_id).policy.get("approve", False)
            if decision.promote and not held:
                decision = _promote(session, skill, version, self.live_id, decision, row)
            if not decision.promote:
                version.status = "rejected"
            said = {
                "promote": decision.promote,
                "reason": decision.reason,
                "figures": decision.figures,
                "compared_with": self.live_id,
            }
            end(session, row, "held" if held else "promoted" if decision.promote else "refused", decision=said)
            return skill.desk_id


def conclude(office: Office, ready: shapes.Skill, rows: Sequence[Example], version_id: str) -> Conclusion:
    """Compare a stored candidate with the live version, both reloaded from the bytes of record."""
    with office.database.reading() as session:
        version = session.get_one(Version, version_id)
        skill = session.get_one(Skill, version.skill_id)
        live = session.get(Version, skill.live_version_id) if skill.live_version_id else None
    office.backbone.verify()
    backbone = office.backbone
    index = build_index(backbone, ready.passages) if ready.passages is not None else None
    candidate = unpack(read_artefact(office.database, version.digest), version.digest, backbone)
    known = None if live is None else unpack(read_artefact(office.database, live.digest), live.digest, backbone)
    decision, card = hold_against(backbone, candidate, known, as_shapes(rows), index)
    return Conclusion(version_id, live.id if live else None, decision, card)


def hold_against(
    backbone: Backbone,
    candidate: SoftPrompt,
    live: SoftPrompt | None,
    examples: Sequence[shapes.Example],
    index: Index | None,
) -> tuple[gate.Decision, dict[str, Any]]:
    """Judge both prompts on the gate and golden examples; return the gate's decision and a scorecard."""
    rows = [example for example in examples if example.role in ("gate", "golden")]
    judged = judge(backbone, candidate, rows, index)
    card = prompt_card(candidate, judged)
    if live is None:
        return gate.decide([], first=True), card
    unseen = new_label_rows(candidate, live, examples)
    new = [
        gate.NewLabel(label, len(known), sum(j.right[axis] for j in judge(backbone, candidate, known)))
        for (axis, label), known in unseen.items()
    ]
    compared = judged_rows(candidate, live, judged, judge(backbone, live, rows, index))
    return _mention(overtaken_rows(candidate, live, judged), gate.decide(compared, new)), card


def _mention(overtaken: list[str], decision: gate.Decision) -> gate.Decision:
    """Say which rows a new label has overtaken, so that somebody judges them anew."""
    if not overtaken:
        return decision
    words = f"{len(overtaken)} row(s) once judged out of scope are now read as a new label and were left out"
    figures = {**decision.figures, "overtaken": overtaken}
    return gate.Decision(decision.promote, f"{decision.reason} {words}; judge them anew.", figures)


def _promote(
    session: Session,
    skill: Skill,
    version: Version,
    live_id: str | None,
    decision: gate.Decision,
    row: Retraining,
) -> gate.Decision:
    try:
        promote(session, skill, version, live_id, row.actor, decision.reason, row.id)
    except Conflict as error:
        return gate.Decision(False, f"{error.sentence} The candidate was compared with the old one.", decision.figures)
    return decision
