"""Where an answer came from: its prompt versions, their retrainings, and the conversations that taught them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.errors import Conflict
from agent.retrainings import frozen_ids, open_retraining, open_run
from agent.tables import Correction, Example, Retraining, Skill, Turn, Version


@dataclass(frozen=True, slots=True)
class Due:
    """A skill whose live version learnt from, or was judged by, examples that are erased."""

    skill: Skill
    version: Version
    erased_examples: int


def retraining_of(session: Session, version: Version) -> Retraining | None:
    """Return the retraining that made a version; None for one that was shipped."""
    made_by = version.lineage.get("retraining")
    return session.get(Retraining, made_by) if made_by else None


def versions_of(session: Session, turn: Turn) -> list[tuple[str, Version]]:
    """Return every version that had a say in a turn, with its skill's name."""
    found = [(name, session.get(Version, version_id)) for name, version_id in sorted(turn.versions.items())]
    return [(name, version) for name, version in found if version is not None]


def taught_by(session: Session, run: Retraining) -> list[str]:
    """Return the conversations whose corrections are among a retraining's examples, oldest first."""
    frozen = frozen_ids(run.snapshot)
    rows = session.execute(
        select(Example.id, Turn.conversation_id)
        .join(Correction, Example.correction_id == Correction.id)
        .join(Turn, Correction.turn_id == Turn.id)
        .where(Example.skill_id == run.skill_id)
        .order_by(Turn.created_at, Turn.id)
    )
    return list(dict.fromkeys(conversation for example, conversation in rows if example in frozen))


def erased_from(session: Session, version: Version, going: Collection[str] = ()) -> int:
    """Return how many examples a version's snapshot lost to erasures, counting those about to go."""
    run = retraining_of(session, version)
    return len({*run.erased_examples, *frozen_ids(run.snapshot).intersection(going)}) if run else 0


def due_skills(session: Session, desk_id: str, going: Collection[str] = ()) -> list[Due]:
    """Return the desk's skills that should be retrained because of erasures, counting examples about to go."""
    live = session.execute(
        select(Skill, Version)
        .join(Version, Skill.live_version_id == Version.id)
        .where(Skill.desk_id == desk_id)
        .order_by(Skill.name)
    )
    found = [Due(skill, version, erased_from(session, version, going)) for skill, version in live]
    return [due for due in found if due.erased_examples]


def open_due(session: Session, due: Due, actor: str) -> tuple[Retraining | None, bool]:
    """Return the retraining of a skill that is due, and whether it was opened here or is under way already."""
    try:
        return open_retraining(session, due.skill, "erasure", actor), True
    except Conflict:
        return open_run(session, due.skill), False
