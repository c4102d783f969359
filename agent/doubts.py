"""Whose word settles a doubt about an earlier judgement: a colleague's, where there is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.tables import Correction, Example, Skill, Turn


@dataclass(frozen=True, slots=True)
class Doubted:
    """A judgement that came back: what `Example.doubt` says of it, what it says itself, and whose it was."""

    doubt: Mapping[str, Any]
    target: Mapping[str, Any]
    reviewer: str


def doubted(session: Session, turn: Turn, skill: Skill) -> Doubted | None:
    """Return the judgement of a turn that was sent back to be judged again, or was settled before."""
    rows = session.execute(
        select(Example.doubt, Example.target, Correction.reviewer)
        .join(Correction, Example.correction_id == Correction.id)
        .where(Correction.turn_id == turn.id, Correction.skill_id == skill.id)
    )
    return next((Doubted(*row) for row in rows if row.doubt), None)


def doubt_left(
    session: Session, before: Doubted, desk_id: str, target: Mapping[str, Any], reviewer: str
) -> dict[str, Any]:
    """Return what is left of a doubt after `reviewer` judged again: as `Example.doubt` keeps it.

    Another reviewer's word settles it, and so does one's own on a desk where nobody else judges. Else it stands if the
    same is said again, and something new is doubted anew: one account alone cannot teach what its neighbours deny.
    """
    if "settled" in before.doubt or before.reviewer != reviewer or not _has_colleagues(session, desk_id, reviewer):
        return {"settled": reviewer}
    return dict(before.doubt) if dict(target) == dict(before.target) else {}


def _has_colleagues(session: Session, desk_id: str, reviewer: str) -> bool:
    others = select(Correction.id).where(Correction.desk_id == desk_id, Correction.reviewer != reviewer)
    return session.scalar(others.limit(1)) is not None
