"""The sweep: whatever a lost nudge or a dead worker left behind is found in the tables."""

from datetime import datetime, timedelta
from functools import lru_cache

import structlog
from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from agent.corrections import corrections_waiting
from agent.database import Database
from agent.errors import Conflict
from agent.jobs import Jobs
from agent.outbound import due_endpoints, forget_old
from agent.retrainings import expire, open_by_itself
from agent.settings import Settings
from agent.tables import Correction, Delivery, InboundEvent, Retraining, Skill, Trial, utc_now
from agent.trials import look_at_trial, trials_under_way

log = structlog.get_logger(__name__)
AT_ONCE = 100
GRACE = timedelta(seconds=5)
"""A fresh event's own nudge gets this long before the sweep sends another."""


@lru_cache(maxsize=1)
def _tools(settings: Settings) -> tuple[Database, Jobs]:
    jobs = Jobs(settings.redis_url)
    return Database(settings.database, pool=2, nudge=jobs.nudge_soon), jobs


def run_sweep(settings: Settings) -> None:
    """Open what is due, expire what is dead, nudge workers about every row that waits, delete what is old."""
    database, jobs = _tools(settings)
    with database.writing() as session:
        _open_due(session)
        found = [("retrain", row_id) for row_id in expire(session)]
        found += [("handle_event", row_id) for row_id in _waiting_events(session)]
        found += [("deliver", row_id) for row_id in _due_deliveries(session)]
        found += [("send_events", row_id) for row_id in due_endpoints(session, AT_ONCE)]
        forget_old(session)
        trials = trials_under_way(session)
    for task, row_id in found:
        jobs.nudge(task, row_id)
    for trial_id in trials:
        _look_at(database, jobs, trial_id)
    if found:
        log.info("sweep", nudged=len(found))


def _look_at(database: Database, jobs: Jobs, trial_id: str) -> None:
    """Bring one trial up to date in a transaction of its own, and tell the API processes if it moved."""
    with database.writing() as session:
        before = session.get_one(Trial, trial_id).stage
        trial = look_at_trial(session, trial_id)
        stage, desk_id = trial.stage, session.get_one(Skill, trial.skill_id).desk_id
    if stage != before:
        log.info("trial_moved", trial=trial_id, desk=desk_id, stage=stage)
        jobs.tell("desk", desk_id)


def _open_due(session: Session) -> None:
    """Open a retraining for every skill with enough corrections that no run has seen, or whose hour has come."""
    for skill in session.scalars(select(Skill).where(or_(Skill.retrain_after > 0, Skill.retrain_hours > 0))):
        waiting = corrections_waiting(session, skill)
        enough = 0 < skill.retrain_after <= waiting
        if (enough or (waiting and _hour_has_come(session, skill))) and _news(session, skill):
            try:
                open_by_itself(session, skill, "corrections" if enough else "schedule", "sweep")
            except Conflict:
                continue
            log.info("retraining_opened", skill=skill.name, desk=skill.desk_id, corrections=waiting)


def _hour_has_come(session: Session, skill: Skill) -> bool:
    """Return whether a scheduled retraining is due: the last one, or the skill's creation, is long enough ago."""
    if skill.retrain_hours == 0:
        return False
    return utc_now() >= (_last_run(session, skill) or skill.created_at) + timedelta(hours=skill.retrain_hours)


def _last_run(session: Session, skill: Skill) -> datetime | None:
    return session.scalar(select(func.max(Retraining.created_at)).where(Retraining.skill_id == skill.id))


def _news(session: Session, skill: Skill) -> bool:
    """Return whether a correction came after the last run; one that failed or was cancelled is not repeated."""
    last = _last_run(session, skill)
    newest = session.scalar(select(func.max(Correction.created_at)).where(Correction.skill_id == skill.id))
    return last is None or (newest is not None and newest > last)


def _waiting_events(session: Session) -> list[str]:
    now = utc_now()
    free = or_(
        and_(InboundEvent.lease_until.is_(None), InboundEvent.received_at < now - GRACE),
        InboundEvent.lease_until < now,
    )
    statement = select(InboundEvent.id).where(InboundEvent.status == "queued", free)
    return list(session.scalars(statement.order_by(InboundEvent.received_at).limit(AT_ONCE)))


def _due_deliveries(session: Session) -> list[str]:
    now = utc_now()
    free = or_(Delivery.lease_until.is_(None), Delivery.lease_until < now)
    statement = select(Delivery.id).where(Delivery.status == "queued", Delivery.due_at <= now, free)
    return list(session.scalars(statement.order_by(Delivery.due_at).limit(AT_ONCE)))
