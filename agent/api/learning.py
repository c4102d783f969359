"""Skills and how they learn: when, and in which retrainings."""

from typing import Annotated

from fastapi import APIRouter, Header
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.api.deps import AdminDeskDep, Limit, ServiceDep
from agent.api.schemas.learning import RetrainingView, RetrainRequest, SkillChange, SkillView
from agent.corrections import corrections_waiting, find_skill
from agent.desks import skill_labels
from agent.errors import BadInput, NotFound
from agent.examples import role_counts
from agent.idempotency import once
from agent.lineage import erased_from
from agent.retrainings import approve, cancel, decline, open_retraining
from agent.tables import Retraining, Skill, Version

router = APIRouter(prefix="/v1/admin", tags=["learning"])
_WHEN = {"retrain_after", "retrain_hours", "rest_minutes"}


@router.get("/skills")
def list_skills(service: ServiceDep, desk: AdminDeskDep) -> list[SkillView]:
    """List the desk's skills, their live versions and what they could learn from."""
    with service.office.database.reading() as session:
        rows = session.scalars(select(Skill).where(Skill.desk_id == desk.id).order_by(Skill.name))
        return [_skill(session, row) for row in rows]


@router.patch("/skills/{name}")
def change_skill(name: str, body: SkillChange, service: ServiceDep, desk: AdminDeskDep) -> SkillView:
    """Change when a skill retrains by itself, or a ticket classifier's labels."""
    with service.office.database.writing() as session:
        row = find_skill(session, desk.id, name)
        for column, value in body.model_dump(include=_WHEN, exclude_none=True).items():
            setattr(row, column, value)
        if body.labels is not None:
            if row.kind != "classification":
                raise BadInput(f"The labels of '{name}' are not set here: intents and articles have their own calls.")
            row.labels = body.labels
        session.flush()
        return _skill(session, row)


@router.post("/skills/{name}/retrain", status_code=202)
def start_retraining(
    name: str,
    service: ServiceDep,
    desk: AdminDeskDep,
    body: RetrainRequest | None = None,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> RetrainingView:
    """Open a retraining. Repeating the call with the same Idempotency-Key opens no second one.

    409 if one of this skill is under way; 202 even while the queue server is down (the sweep finds the row).
    """
    seed = body.seed if body else 0
    request = {"desk": desk.id, "skill": name, "seed": seed}
    with service.office.database.writing() as session:
        skill = find_skill(session, desk.id, name)

        def act() -> dict[str, str]:
            return {"id": open_retraining(session, skill, "call", desk.caller.name, seed).id}

        answer = once(session, desk.caller.key_id, idempotency_key, request, act)
        shown = _retraining(session, session.get_one(Retraining, answer["id"]))
    service.office.jobs.nudge("retrain", shown.id)
    return shown


@router.get("/retrainings")
def list_retrainings(
    service: ServiceDep, desk: AdminDeskDep, skill: str | None = None, limit: Limit = 20
) -> list[RetrainingView]:
    """List retrainings, newest first."""
    statement = select(Retraining).join(Skill).where(Skill.desk_id == desk.id)
    if skill is not None:
        statement = statement.where(Skill.name == skill)
    with service.office.database.reading() as session:
        rows = session.scalars(statement.order_by(Retraining.created_at.desc()).limit(limit))
        return [_retraining(session, row) for row in rows]


@router.get("/retrainings/{retraining_id}")
def read_retraining(retraining_id: str, service: ServiceDep, desk: AdminDeskDep) -> RetrainingView:
    """Read a retraining: progress while it runs, decision and snapshot when it has ended."""
    with service.office.database.reading() as session:
        return _retraining(session, _find_retraining(session, desk.id, retraining_id))


@router.post("/retrainings/{retraining_id}/cancel", status_code=202)
def cancel_retraining(retraining_id: str, service: ServiceDep, desk: AdminDeskDep) -> RetrainingView:
    """Cancel a waiting retraining at once, a running one within a second or two."""
    with service.office.database.writing() as session:
        row = _find_retraining(session, desk.id, retraining_id)
        cancel(session, row)
        session.refresh(row)
        return _retraining(session, row)


@router.post("/retrainings/{retraining_id}/approve")
def approve_retraining(retraining_id: str, service: ServiceDep, desk: AdminDeskDep) -> RetrainingView:
    """Say yes to a candidate that the gate passed on a desk that wants a human's yes. 409 if it is not held."""
    with service.office.database.writing() as session:
        row = _find_retraining(session, desk.id, retraining_id)
        approve(session, row, desk.caller.name)
        shown = _retraining(session, row)
    service.office.jobs.tell("desk", desk.id)
    return shown


@router.post("/retrainings/{retraining_id}/decline")
def decline_retraining(retraining_id: str, service: ServiceDep, desk: AdminDeskDep) -> RetrainingView:
    """Say no to a held candidate; the live version stays. 409 if it is not held."""
    with service.office.database.writing() as session:
        row = _find_retraining(session, desk.id, retraining_id)
        decline(session, row, desk.caller.name)
        return _retraining(session, row)


def _find_retraining(session: Session, desk_id: str, retraining_id: str) -> Retraining:
    row = session.get(Retraining, retraining_id)
    if row is None or session.get_one(Skill, row.skill_id).desk_id != desk_id:
        raise NotFound("There is no such retraining on this desk.")
    return row


def _skill(session: Session, row: Skill) -> SkillView:
    live = session.get(Version, row.live_version_id) if row.live_version_id else None
    return SkillView(
        name=row.name,
        kind=row.kind,
        labels=skill_labels(session, row),
        live_version=live.number if live else None,
        examples=role_counts(session, row),
        corrections_waiting=corrections_waiting(session, row),
        retrain_after=row.retrain_after,
        retrain_hours=row.retrain_hours,
        rest_minutes=row.rest_minutes,
        retraining_due=live is not None and erased_from(session, live) > 0,
    )


def _retraining(session: Session, row: Retraining) -> RetrainingView:
    candidate = session.get(Version, row.candidate_id) if row.candidate_id else None
    fields = {name: getattr(row, name) for name in RetrainingView.model_fields if name not in ("skill", "candidate")}
    return RetrainingView(
        **fields,
        skill=session.get_one(Skill, row.skill_id).name,
        candidate=candidate.number if candidate else None,
    )
