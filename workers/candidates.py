"""A candidate: tuned, stored, held against the live version, promoted or rejected."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.errors import Conflict
from agent.examples import as_shapes
from agent.office import Office
from agent.promotions import end_trials, promote
from agent.releases import read_artefact
from agent.retrainings import end, suspected, without_phrases, write
from agent.tables import Artefact, Desk, Example, Intent, Retraining, Skill, Trial, Version
from agent.trials import Plan, open_trial
from skills import gate
from skills import skill as shapes
from skills.backbone import Backbone
from skills.checkpoint import pack, unpack
from skills.errors import TuningCancelled
from skills.index import Index, build_index
from skills.prompt import SoftPrompt
from skills.scorecard import judge, prompt_card
from skills.tuning import Tuned, tune
from workers.comparison import judged_rows, needing_humans, new_label_rows, overtaken_rows, sureness
from workers.heartbeat import Progress
from workers.triggers import Phrase, tried


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
        """Promote, try on live traffic, hold for a human's yes, or reject, in one transaction; return the desk's id.

        Raises LeaseLost, TuningCancelled.
        """
        with office.database.writing() as session:
            write(session, row)  # fence first: after it nobody can take over or cancel any more
            stored = session.get_one(Retraining, row.id)
            if stored.cancel_asked:
                raise TuningCancelled("cancelled")
            version = session.get_one(Version, self.version_id)
            skill = session.get_one(Skill, row.skill_id)
            status, decision = "held" if self.decision.ask else "refused", self.decision
            if decision.promote:
                status, decision = self._settle(session, skill, version, row)
            if status == "refused":
                version.status = "rejected"
            said = {
                "promote": decision.promote,
                "reason": decision.reason,
                "figures": decision.figures,
                "compared_with": self.live_id,
            }
            said = without_phrases(said, suspected(row.snapshot) - suspected(stored.snapshot))  # erased meanwhile
            version.scorecard = {**self.card, "gate": said["figures"]}
            end(session, row, status, decision=said)
            return skill.desk_id

    def _settle(self, session: Session, skill: Skill, version: Version, row: Retraining) -> tuple[str, gate.Decision]:
        """Promote what the gate passed, try it on live traffic or hold it, as the desk wants; return the run's status.

        It is refused after all if the live version moved meanwhile: it was compared with the old one.
        """
        policy = session.get_one(Desk, skill.desk_id).policy
        plan = policy.get("trial") if self.live_id else None
        try:
            if plan:
                end_trials(session, f"Version {version.number} takes its place.", Trial.skill_id == skill.id)
                open_trial(session, skill, version, Plan(**plan), row.actor, self.live_id)
                return "held", replace(self.decision, reason=f"{self.decision.reason} It is on trial first.")
            if policy.get("approve", False):
                return "held", self.decision
            promote(session, skill, version, self.live_id, row.actor, self.decision.reason, row.id)
        except Conflict as error:
            reason = f"{error.sentence} The candidate was compared with the old one."
            return "refused", gate.Decision(False, reason, self.decision.figures)
        return "promoted", self.decision


def conclude(
    office: Office, ready: shapes.Skill, rows: Sequence[Example], version_id: str, suspects: Sequence[Phrase] = ()
) -> Conclusion:
    """Compare a stored candidate with the live version, both reloaded from the bytes of record."""
    with office.database.reading() as session:
        version = session.get_one(Version, version_id)
        skill = session.get_one(Skill, version.skill_id)
        live = session.get(Version, skill.live_version_id) if skill.live_version_id else None
        handing = select(Intent.name).where(Intent.desk_id == skill.desk_id, Intent.action == "hand_over")
        hands_over = frozenset(session.scalars(handing))
    office.backbone.verify()
    backbone = office.backbone
    index = build_index(backbone, ready.passages) if ready.passages is not None else None
    candidate = unpack(read_artefact(office.database, version.digest), version.digest, backbone)
    known = None if live is None else unpack(read_artefact(office.database, live.digest), live.digest, backbone)
    decision, card = hold_against(backbone, candidate, known, as_shapes(rows), index, hands_over, suspects)
    return Conclusion(version_id, live.id if live else None, decision, card)


def hold_against(
    backbone: Backbone,
    candidate: SoftPrompt,
    live: SoftPrompt | None,
    examples: Sequence[shapes.Example],
    index: Index | None,
    hands_over: Collection[str] = (),
    suspects: Sequence[Phrase] = (),
) -> tuple[gate.Decision, dict[str, Any]]:
    """Judge both prompts on the gate and golden examples; return the gate's decision and a scorecard.

    `hands_over` names the intents that the desk hands to a human, `suspects` the phrases to be tried.
    """
    rows = [example for example in examples if example.role in ("gate", "golden")]
    judged = judge(backbone, candidate, rows, index)
    card = prompt_card(candidate, judged)
    if live is None:
        return gate.decide(gate.Compared([]), first=True), card
    unseen = new_label_rows(candidate, live, examples)
    new = [
        gate.NewLabel(label, len(known), sum(j.right[axis] for j in judge(backbone, candidate, known)))
        for (axis, label), known in unseen.items()
    ]
    judged_live = judge(backbone, live, rows, index)
    compared = gate.Compared(
        judged_rows(candidate, live, judged, judged_live),
        new,
        needing_humans(judged, judged_live, hands_over),
        sureness(candidate, live, judged, judged_live),
        tried(backbone, candidate, live, judged, judged_live, index, suspects),
    )
    return _mention(overtaken_rows(candidate, live, judged), gate.decide(compared)), card


def _mention(overtaken: list[str], decision: gate.Decision) -> gate.Decision:
    """Say which rows a new label has overtaken, so that somebody judges them anew."""
    if not overtaken:
        return decision
    words = f"{len(overtaken)} row(s) once judged out of scope are now read as a new label and were left out"
    figures = {**decision.figures, "overtaken": overtaken}
    return replace(decision, reason=f"{decision.reason} {words}; judge them anew.", figures=figures)
