"""A human's judgement on a turn, and the example it becomes."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.desks import find_desk
from agent.errors import BadInput, NotFound
from agent.examples import add_example, audit_role, check_target, ready_skill
from agent.tables import Correction, Message, Retraining, Skill, Turn


def find_skill(session: Session, desk_id: str, name: str) -> Skill:
    """Return a desk's skill by name. Raises NotFound, naming those there are."""
    skill = session.scalar(select(Skill).where(Skill.desk_id == desk_id, Skill.name == name))
    if skill is None:
        names = ", ".join(session.scalars(select(Skill.name).where(Skill.desk_id == desk_id).order_by(Skill.name)))
        raise NotFound(f"This desk has no skill called '{name}'; it has {names}.")
    return skill


def find_turn(session: Session, desk_id: str, turn_id: str) -> Turn:
    """Return a turn of this desk. Raises NotFound."""
    turn = session.get(Turn, turn_id)
    if turn is None or turn.desk_id != desk_id:
        raise NotFound("There is no such turn on this desk.")
    return turn


def correct(
    session: Session,
    turn: Turn,
    skill: Skill,
    target: Mapping[str, Any],
    reviewer: str,
    note: str | None = None,
) -> Correction:
    """Record what is right for a turn and make it an example of the skill.

    A correction of an audited turn calibrates or gates, any other trains: rows that a queue picked are not
    a fair sample. Correcting the same turn again replaces the judgement. Raises BadInput for a label the
    desk does not know.
    """
    if not target:
        raise BadInput('A correction needs a target, such as {"intent": "card_arrival"}.')
    check_target(ready_skill(session, skill), target)
    row = session.scalar(select(Correction).where(Correction.turn_id == turn.id, Correction.skill_id == skill.id))
    if row is None:
        row = Correction(desk_id=turn.desk_id, turn_id=turn.id, skill_id=skill.id, said=_said(turn, skill.name))
        session.add(row)
    row.target, row.reviewer, row.note = dict(target), reviewer, note
    session.flush()
    role = audit_role(skill.id, turn.conversation_id) if turn.audit else "train"
    text = turn.read_as if skill.kind == "faq" else session.get_one(Message, turn.message_id).text
    add_example(session, skill, text, target, "correction", role, turn.conversation_id, row.id)
    return row


def corrections_waiting(session: Session, skill: Skill) -> int:
    """Return how many corrections of a skill no retraining has seen yet."""
    last = session.scalar(
        select(func.max(Retraining.created_at)).where(
            Retraining.skill_id == skill.id,
            Retraining.status.in_(("promoted", "refused", "queued", "running")),
        )
    )
    statement = select(func.count()).select_from(Correction).where(Correction.skill_id == skill.id)
    if last is not None:
        statement = statement.where(Correction.created_at > last)
    return session.scalar(statement) or 0


def review_queue(session: Session, desk_id: str, limit: int) -> list[Turn]:
    """Return turns no human has judged, most instructive first.

    Thumbs-down, then turns that failed or were handed over, then the least confident routes; audited
    turns come along in their own order so that the fair sample gets judged too.
    """
    find_desk(session, None, desk_id)
    judged = select(Correction.turn_id).where(Correction.desk_id == desk_id)
    return list(
        session.scalars(
            select(Turn)
            .where(Turn.desk_id == desk_id, Turn.id.not_in(judged), Turn.outcome != "silent")
            .order_by(
                Turn.rating.is_not_distinct_from("down").desc(),
                Turn.audit.desc(),
                Turn.failed.desc(),
                (Turn.outcome == "escalated").desc(),
                Turn.confidence,
                Turn.id,
            )
            .limit(limit)
        )
    )


def _said(turn: Turn, skill: str) -> dict[str, Any]:
    return {"verdicts": [verdict for verdict in turn.verdicts if verdict["skill"] == skill]}
