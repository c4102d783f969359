"""Candidates on trial: begin, look, stop."""

from dataclasses import fields

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.api.deps import AdminDeskDep, Limit, ServiceDep
from agent.api.schemas.trials import DifferenceView, TrialRequest, TrialView
from agent.api.versions import check_served
from agent.corrections import find_skill
from agent.errors import NotFound
from agent.promotions import find_version
from agent.tables import Message, Skill, Trial, Version
from agent.tallies import same_answer, shadowed
from agent.trials import Plan, open_trial, stop_trial

router = APIRouter(prefix="/v1/admin", tags=["learning"])
_SAID = ("outcome", "intent", "article")


@router.post("/skills/{name}/trials", status_code=201)
def start_trial(name: str, body: TrialRequest, service: ServiceDep, desk: AdminDeskDep) -> TrialView:
    """Put a version on trial: it reads along unseen, then answers a share of the conversations, then goes live.

    It goes back by itself if more of its conversations are escalated, stay without an answer or get a thumbs-down.
    409 if a trial of this skill is under way.
    """
    with service.office.database.reading() as session:
        version = find_version(session, find_skill(session, desk.id, name), body.version)
    check_served(service.office, version)
    plan = Plan(**{field.name: getattr(body, field.name) for field in fields(Plan)})
    with service.office.database.writing() as session:
        trial = open_trial(session, find_skill(session, desk.id, name), version, plan, desk.caller.name)
        shown = _trial(session, trial)
    service.office.jobs.tell("desk", desk.id)
    return shown


@router.get("/trials")
def list_trials(
    service: ServiceDep, desk: AdminDeskDep, skill: str | None = None, limit: Limit = 20
) -> list[TrialView]:
    """List trials, newest first."""
    statement = select(Trial).join(Skill, Trial.skill_id == Skill.id).where(Skill.desk_id == desk.id)
    if skill is not None:
        statement = statement.where(Skill.name == skill)
    with service.office.database.reading() as session:
        rows = session.scalars(statement.order_by(Trial.created_at.desc()).limit(limit))
        return [_trial(session, row) for row in rows]


@router.get("/trials/{trial_id}")
def read_trial(trial_id: str, service: ServiceDep, desk: AdminDeskDep) -> TrialView:
    """Read a trial: its stage, and what it has shown."""
    with service.office.database.reading() as session:
        return _trial(session, _find(session, desk.id, trial_id))


@router.get("/trials/{trial_id}/differences")
def list_differences(trial_id: str, service: ServiceDep, desk: AdminDeskDep, limit: Limit = 50) -> list[DifferenceView]:
    """List messages to which the candidate, in the shadow, would have said something else; newest first."""
    with service.office.database.reading() as session:
        read = shadowed(session, _find(session, desk.id, trial_id))
        differing = [(turn, would) for turn, would in read if not same_answer(turn, would)]
        return [
            DifferenceView(
                turn_id=turn.id,
                conversation_id=turn.conversation_id,
                text=session.get_one(Message, turn.message_id).text,
                said={name: getattr(turn, name) for name in _SAID},
                would={name: would[name] for name in _SAID},
                created_at=turn.created_at,
            )
            for turn, would in differing[: -limit - 1 : -1]
        ]


@router.post("/trials/{trial_id}/stop")
def end_trial(trial_id: str, service: ServiceDep, desk: AdminDeskDep) -> TrialView:
    """Stop a trial; the live version answers alone again. 409 if it has ended."""
    with service.office.database.writing() as session:
        trial = _find(session, desk.id, trial_id)
        stop_trial(session, trial, desk.caller.name)
        shown = _trial(session, trial)
    service.office.jobs.tell("desk", desk.id)
    return shown


def _find(session: Session, desk_id: str, trial_id: str) -> Trial:
    trial = session.get(Trial, trial_id)
    if trial is None or session.get_one(Skill, trial.skill_id).desk_id != desk_id:
        raise NotFound("There is no such trial on this desk.")
    return trial


def _trial(session: Session, row: Trial) -> TrialView:
    own = {name: getattr(row, name) for name in TrialView.model_fields if name not in ("skill", "version", "against")}
    return TrialView(
        **own,
        skill=session.get_one(Skill, row.skill_id).name,
        version=session.get_one(Version, row.version_id).number,
        against=session.get_one(Version, row.against_id).number,
    )
