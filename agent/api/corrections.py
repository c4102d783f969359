"""The review queue and what reviewers make of it: corrections."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.api.deps import AdminDeskDep, Limit, ServiceDep
from agent.api.schemas.chat import TurnView
from agent.api.schemas.learning import CorrectionRequest, CorrectionView, DoubtView, ReviewItem, WithdrawRequest
from agent.corrections import (
    correct,
    discard,
    example_of,
    find_correction,
    find_skill,
    find_turn,
    withdraw,
    withdraw_all,
)
from agent.desks import add_intent, skill_labels
from agent.errors import BadInput, Conflict
from agent.review import review_queue
from agent.tables import Correction, Skill
from agent.turn_view import show_turn

router = APIRouter(prefix="/v1/admin", tags=["learning"])


@router.get("/review")
def list_review(service: ServiceDep, desk: AdminDeskDep, limit: Limit = 50) -> list[ReviewItem]:
    """List turns that wait for a human's judgement, most instructive first."""
    with service.office.database.reading() as session:
        return [
            ReviewItem(
                turn=TurnView.model_validate(show_turn(session, item.turn)),
                text=item.text,
                why=list(item.why),
                stands_for=item.stands_for,
                doubt=DoubtView(**item.doubt) if item.doubt else None,
                rating=item.turn.rating,
                audit=item.turn.audit,
                created_at=item.turn.created_at,
            )
            for item in review_queue(session, desk.id, limit, service.meanings)
        ]


@router.get("/turns/{turn_id}")
def read_turn(turn_id: str, service: ServiceDep, desk: AdminDeskDep) -> TurnView:
    """Read what was said and decided in one turn."""
    with service.office.database.reading() as session:
        return TurnView.model_validate(show_turn(session, find_turn(session, desk.id, turn_id)))


@router.post("/corrections", status_code=201)
def make_correction(body: CorrectionRequest, service: ServiceDep, desk: AdminDeskDep) -> CorrectionView:
    """Say what is right for a turn; it becomes an example the skill learns from.

    The turn's earlier correction of this skill ends. With `discard` the turn only leaves the review queue; with
    `new_intent` an intent that the desk does not have yet is added first.
    """
    with service.office.database.writing() as session:
        turn, skill = find_turn(session, desk.id, body.turn_id), find_skill(session, desk.id, body.skill)
        if body.discard:
            return _correction(session, discard(session, turn, skill, desk.caller.name, body.note))
        if body.new_intent:
            _add_intent(session, skill, body.target)
        row = correct(session, turn, skill, body.target, desk.caller.name, body.note, body.text)
        return _correction(session, row)


@router.post("/corrections/{correction_id}/withdraw")
def withdraw_correction(correction_id: str, service: ServiceDep, desk: AdminDeskDep) -> CorrectionView:
    """Take a correction back: its example goes, the turn is back in the review queue. 409 if it has ended."""
    with service.office.database.writing() as session:
        row = find_correction(session, desk.id, correction_id)
        withdraw(session, row)
        return _correction(session, row)


@router.post("/corrections/withdraw")
def withdraw_reviewer(body: WithdrawRequest, service: ServiceDep, desk: AdminDeskDep) -> list[CorrectionView]:
    """Take back everything a reviewer judged (since a moment), for an account that went bad."""
    with service.office.database.writing() as session:
        return [_correction(session, row) for row in withdraw_all(session, desk.id, body.reviewer, body.since)]


@router.get("/corrections")
def list_corrections(service: ServiceDep, desk: AdminDeskDep, limit: Limit = 100) -> list[CorrectionView]:
    """List corrections, newest first: who judged what, when, and what was said before."""
    statement = select(Correction).where(Correction.desk_id == desk.id).order_by(Correction.created_at.desc())
    with service.office.database.reading() as session:
        return [_correction(session, row) for row in session.scalars(statement.limit(limit))]


def _add_intent(session: Session, skill: Skill, target: Mapping[str, Any]) -> None:
    name = target.get("intent")
    if skill.kind != "router" or not isinstance(name, str):
        raise BadInput('A new intent is named in the router\'s target: {"intent": "travel_insurance"}.')
    if name in skill_labels(session, skill)["intent"]:
        raise Conflict(f"The desk has an intent called '{name}' already; correct without 'new_intent'.")
    add_intent(session, skill.desk_id, name, {})


def _correction(session: Session, row: Correction) -> CorrectionView:
    example = example_of(session, row)
    return CorrectionView(
        id=row.id,
        turn_id=row.turn_id,
        skill=session.get_one(Skill, row.skill_id).name,
        action=row.action,
        said=row.said,
        target=row.target,
        text=row.text,
        reviewer=row.reviewer,
        note=row.note,
        example_id=example.id if example else None,
        role=example.role if example else None,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
