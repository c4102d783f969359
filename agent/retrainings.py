"""Retrainings: the row is the job. Opening, claiming, leasing and ending one.

Every write of a worker names its attempt, so a worker that lost its lease cannot write any more.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from agent.desks import touch_desk
from agent.errors import AgentError, Conflict
from agent.outbound import EventType, tell
from agent.promotions import end_trials, promote
from agent.tables import Example, Promotion, Retraining, Skill, Trial, Version, utc_now
from skills.phrases import says

LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 3
OPEN = ("queued", "running")
JUDGED = ("held", "promoted", "refused")
"""How a run ends that made a candidate and held it against the live version."""
ROLES = ("train", "calibration", "gate", "golden")
TOLD: Mapping[str, EventType] = {
    "held": "retraining.held",
    "refused": "retraining.refused",
    "failed": "retraining.failed",
}
"""What a desk's endpoints are told of a run, by its status; that it was promoted, the promotion tells."""


class LeaseLost(AgentError):
    """Another worker has taken this retraining over."""

    code = "lease_lost"


def open_retraining(session: Session, skill: Skill, trigger: str, actor: str, seed: int = 0) -> Retraining:
    """Queue a retraining. Raises Conflict if one of this skill is under way."""
    row = Retraining(skill_id=skill.id, trigger=trigger, actor=actor, seed=seed)
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as error:
        raise Conflict(f"A retraining of '{skill.name}' is under way already; wait for it or cancel it.") from error
    return row


def open_by_itself(session: Session, skill: Skill, trigger: str, actor: str) -> Retraining:
    """Queue a retraining nobody asked for by name. Raises Conflict as `open_retraining`, or while the skill rests.

    A skill rests for a while after a retraining was promoted, so that whoever can cause retrainings cannot move it
    far in an afternoon unseen.
    """
    learnt = (Promotion.skill_id == skill.id, Promotion.retraining_id.is_not(None))
    last = session.scalar(select(func.max(Promotion.created_at)).where(*learnt))
    if last is not None and utc_now() < last + timedelta(minutes=skill.rest_minutes):
        raise Conflict(f"'{skill.name}' was promoted less than {skill.rest_minutes} minutes ago and rests.")
    return open_retraining(session, skill, trigger, actor)


def open_run(session: Session, skill: Skill) -> Retraining | None:
    """Return the retraining of a skill that waits or runs."""
    return session.scalar(select(Retraining).where(Retraining.skill_id == skill.id, Retraining.status.in_(OPEN)))


def claim(session: Session, retraining_id: str, worker: str) -> Retraining | None:
    """Take a waiting (or abandoned) retraining; None if there is nothing to take."""
    now = utc_now()
    waiting = or_(Retraining.status == "queued", and_(Retraining.status == "running", Retraining.lease_until < now))
    taken = session.execute(
        update(Retraining)
        .where(Retraining.id == retraining_id, waiting, Retraining.attempt < MOST_ATTEMPTS)
        .values(
            status="running",
            attempt=Retraining.attempt + 1,
            lease_until=now + LEASE,
            worker=worker,
            started_at=now,
            error=None,
        )
    )
    if taken.rowcount == 0:  # type: ignore[attr-defined]
        return None
    return session.get_one(Retraining, retraining_id, populate_existing=True)


def keep_lease(session: Session, row: Retraining, progress: Mapping[str, Any]) -> bool:
    """Write progress and extend the lease; return whether somebody asked to cancel. Raises LeaseLost."""
    write(session, row, progress=dict(progress))
    return bool(session.scalar(select(Retraining.cancel_asked).where(Retraining.id == row.id)))


def write(session: Session, row: Retraining, **values: Any) -> None:  # noqa: ANN401 - column values
    """Change a running retraining on behalf of one attempt, which keeps its lease.

    Raises LeaseLost if it is another's now, so it also fences whatever is written with it.
    """
    values = {"lease_until": utc_now() + LEASE, **values}
    mine = and_(Retraining.id == row.id, Retraining.attempt == row.attempt, Retraining.status == "running")
    if session.execute(update(Retraining).where(mine).values(**values)).rowcount == 0:  # type: ignore[attr-defined]
        raise LeaseLost(f"Retraining {row.id} is no longer this worker's.")


def end(session: Session, row: Retraining, status: str, **values: Any) -> None:  # noqa: ANN401 - column values
    """End a retraining. Raises LeaseLost if it is another attempt's now."""
    write(session, row, status=status, ended_at=utc_now(), lease_until=None, **values)
    _tell(session, session.get_one(Retraining, row.id, populate_existing=True))


def cancel(session: Session, row: Retraining) -> None:
    """Cancel at once what waits; ask what runs to stop. Raises Conflict if it has ended."""
    waiting = session.execute(
        update(Retraining)
        .where(Retraining.id == row.id, Retraining.status == "queued")
        .values(status="cancelled", ended_at=utc_now())
    )
    running = session.execute(
        update(Retraining).where(Retraining.id == row.id, Retraining.status == "running").values(cancel_asked=True)
    )
    if waiting.rowcount + running.rowcount == 0:  # type: ignore[attr-defined]
        raise Conflict("This retraining has ended already.")


def approve(session: Session, row: Retraining, actor: str) -> Promotion:
    """Promote a held candidate. Raises Conflict if it is not held, or if another version went live meanwhile."""
    skill, version = _held(session, row)
    reason = f"{row.decision['reason']} Approved by {actor}."
    promotion = promote(session, skill, version, row.decision["compared_with"], actor, reason, row.id)
    row.status = "promoted"
    session.flush()
    return promotion


def decline(session: Session, row: Retraining, actor: str) -> None:
    """Refuse a held candidate. Raises Conflict if it is not held."""
    skill, version = _held(session, row)
    end_trials(session, f"Declined by {actor}.", Trial.version_id == version.id)
    touch_desk(session, skill.desk_id)
    version.status, row.status = "rejected", "refused"
    row.decision = {**row.decision, "promote": False, "reason": f"{row.decision['reason']} Declined by {actor}."}
    session.flush()
    _tell(session, row)


def _held(session: Session, row: Retraining) -> tuple[Skill, Version]:
    session.refresh(row, with_for_update=True)
    if row.status != "held":
        raise Conflict(f"This retraining does not wait for a yes: it is {row.status}.")
    return session.get_one(Skill, row.skill_id), session.get_one(Version, row.candidate_id)


def expire(session: Session) -> list[str]:
    """Fail what died too often; return the ids of retrainings that wait or were abandoned."""
    now = utc_now()
    abandoned = and_(Retraining.status == "running", Retraining.lease_until < now)
    hopeless = select(Retraining).where(abandoned, Retraining.attempt >= MOST_ATTEMPTS).with_for_update()
    for row in session.scalars(hopeless):
        row.status, row.ended_at = "failed", now
        row.error = f"The worker died {MOST_ATTEMPTS} times while training."
        _tell(session, row)
    return list(session.scalars(select(Retraining.id).where(or_(Retraining.status == "queued", abandoned))))


def _tell(session: Session, row: Retraining) -> None:
    """Write the event of a retraining that ended without a promotion, whose reason quotes no customer."""
    kind = TOLD.get(row.status)
    if kind is None:
        return
    skill = session.get_one(Skill, row.skill_id)
    candidate = session.get(Version, row.candidate_id) if row.candidate_id else None
    reason = row.error or without_phrases(row.decision, suspected(row.snapshot))["reason"]
    said = {"trigger": row.trigger, "version": candidate.number if candidate else None, "reason": reason}
    tell(session, skill.desk_id, kind, {"skill": skill.name, "retraining_id": row.id, **said})


def snapshot_of(rows: list[Example]) -> dict[str, Any]:
    """Freeze which examples a retraining sees: ids by role, the corrections among them, and a hash."""
    digest = sha256()
    by_role: dict[str, list[str]] = {role: [] for role in ROLES}
    for row in rows:
        by_role[row.role].append(row.id)
        digest.update(f"{row.id}|{row.role}|{row.digest}|{sorted(row.target.items())}\n".encode())
    corrections = [row.correction_id for row in rows if row.role == "train" and row.correction_id]
    return {"hash": digest.hexdigest(), **by_role, "train_corrections": corrections}


def frozen_ids(snapshot: Mapping[str, Any]) -> set[str]:
    """Return the ids of all examples in a snapshot and of the corrections that train in it; some may be gone."""
    return {known for kind in (*ROLES, "train_corrections") for known in snapshot.get(kind, ())}


def suspected(snapshot: Mapping[str, Any]) -> set[str]:
    """Return the phrases a run suspects that labels hang on: words of its examples."""
    return {phrase for phrase, *_ in snapshot.get("suspects", ())}


def mark_erased(session: Session, skills: Collection[str], ids: Collection[str], texts: Collection[str]) -> None:
    """Note in every retraining of some skills what of its snapshot is being erased; the ids it has frozen stay.

    `texts` is what those examples say: phrases of theirs that a run suspected go. The rows are locked, so that a run
    that freezes its examples right now either has none of these or is marked.
    """
    for run in session.scalars(select(Retraining).where(Retraining.skill_id.in_(skills)).with_for_update()):
        lost = frozen_ids(run.snapshot).intersection(ids)
        if lost:
            run.erased_examples = sorted({*run.erased_examples, *lost})
        gone = {phrase for phrase in suspected(run.snapshot) if any(says(text, phrase) for text in texts)}
        if gone:
            _forget_words(session, run, gone)


def without_phrases(decision: Mapping[str, Any], phrases: Collection[str]) -> dict[str, Any]:
    """Return a run's decision without some suspected phrases, which its reason and its figures may quote."""
    reason = decision.get("reason", "")
    for phrase in phrases:
        reason = reason.replace(f"'{phrase}'", "'…'")
    return {**decision, "reason": reason, "figures": _without_triggers(decision.get("figures", {}), phrases)}


def _forget_words(session: Session, run: Retraining, phrases: Collection[str]) -> None:
    run.snapshot = {**run.snapshot, "suspects": [row for row in run.snapshot["suspects"] if row[0] not in phrases]}
    if run.decision:
        run.decision = without_phrases(run.decision, phrases)
    version = session.get(Version, run.candidate_id) if run.candidate_id else None
    if version is not None and "gate" in version.scorecard:
        version.scorecard = {**version.scorecard, "gate": _without_triggers(version.scorecard["gate"], phrases)}


def _without_triggers(figures: Mapping[str, Any], phrases: Collection[str]) -> dict[str, Any]:
    if "triggers" not in figures:
        return dict(figures)
    tried = figures["triggers"].items()
    return {**figures, "triggers": {phrase: found for phrase, found in tried if phrase not in phrases}}
