"""Which version of a prompt answers: promotion and rollback.

The live pointer moves by compare-and-swap, so of two promotions at once one gets a conflict.
"""

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from agent.desks import touch_desk
from agent.errors import BadInput, Conflict, NotFound
from agent.outbound import EventType, tell
from agent.tables import Promotion, Skill, Trial, Version, utc_now
from agent.tables.trials import ON_TRIAL


def promote(
    session: Session,
    skill: Skill,
    version: Version,
    expected: str | None,
    actor: str,
    reason: str,
    retraining_id: str | None = None,
    event: EventType = "skill.promoted",
) -> Promotion:
    """Move the live pointer of a skill from `expected` (a version id) to `version`.

    Raises Conflict if the pointer is not where the caller believes, or is there already.
    """
    if version.id == expected:
        raise Conflict(f"Version {version.number} of '{skill.name}' is live already.")
    moved = session.execute(
        update(Skill)
        .where(Skill.id == skill.id, Skill.live_version_id.is_not_distinct_from(expected))
        .values(live_version_id=version.id)
    )
    if moved.rowcount == 0:  # type: ignore[attr-defined]
        raise Conflict(f"The live version of '{skill.name}' was moved by somebody else meanwhile; look again.")
    end_trials(session, f"Version {version.number} went live.", Trial.skill_id == skill.id)
    session.execute(update(Version).where(Version.id == expected).values(status="retired"))
    session.execute(update(Version).where(Version.id == version.id).values(status="live"))
    promotion = Promotion(
        skill_id=skill.id,
        from_version_id=expected,
        to_version_id=version.id,
        retraining_id=retraining_id,
        actor=actor,
        reason=reason,
    )
    session.add(promotion)
    touch_desk(session, skill.desk_id)
    session.flush()
    session.refresh(skill)
    before = session.get(Version, expected) if expected else None
    numbers = {"from_version": before.number if before else None, "to_version": version.number}
    said = {"skill": skill.name, **numbers, "retraining_id": retraining_id, "actor": actor}
    tell(session, skill.desk_id, event, said)
    return promotion


def end_trials(session: Session, reason: str, which: ColumnElement[bool]) -> None:
    """Stop open trials because what they compare, or what was wanted, has changed; the caller touches the desk."""
    ended = {"stage": "stopped", "reason": reason, "ended_at": utc_now()}
    session.execute(update(Trial).where(Trial.stage.in_(ON_TRIAL), which).values(ended))


def rollback(session: Session, skill: Skill, actor: str, number: int | None = None) -> Promotion:
    """Promote the version that was live before the present one, or the one of this number."""
    if number is not None:
        version = find_version(session, skill, number)
    else:
        last = session.scalar(
            select(Promotion)
            .where(Promotion.skill_id == skill.id, Promotion.to_version_id == skill.live_version_id)
            .order_by(Promotion.created_at.desc())
            .limit(1)
        )
        if last is None or last.from_version_id is None:
            raise BadInput(f"'{skill.name}' has no earlier version to go back to.")
        version = session.get_one(Version, last.from_version_id)
    reason = f"rollback to version {version.number}"
    return promote(session, skill, version, skill.live_version_id, actor, reason, event="skill.rolled_back")


def find_version(session: Session, skill: Skill, number: int) -> Version:
    """Return a skill's version by number. Raises NotFound."""
    version = session.scalar(select(Version).where(Version.skill_id == skill.id, Version.number == number))
    if version is None:
        raise NotFound(f"'{skill.name}' has no version {number}.")
    return version
