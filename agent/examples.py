"""Examples: human-judged texts, each with a role it keeps for life."""

import unicodedata
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.desks import passages_of, skill_labels
from agent.errors import BadInput
from agent.redaction import redact
from agent.tables import Example, Skill
from skills import kinds
from skills import skill as shapes
from skills.targets import target_problem

CALIBRATION_SHARE = 0.15
GATE_SHARE = 0.15
LONGEST_TEXT = 10_000


def text_digest(text: str) -> str:
    """Return the sha256 of a text as people see it: case, width and spacing do not matter."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return sha256(" ".join(folded.split()).encode()).hexdigest()


def split_role(salt: str, group: str) -> str:
    """Return the role of a representative row: by salted digest of its group, so it never moves."""
    place = int.from_bytes(sha256(f"{salt}:{group}".encode()).digest()[:8]) / 2**64
    if place < CALIBRATION_SHARE:
        return "calibration"
    return "gate" if place < CALIBRATION_SHARE + GATE_SHARE else "train"


def audit_role(salt: str, group: str) -> str:
    """Return the role of an audited live turn: half calibrate, half gate."""
    return "calibration" if sha256(f"{salt}:{group}".encode()).digest()[0] % 2 else "gate"


def ready_skill(session: Session, skill: Skill) -> shapes.Skill:
    """Return a desk's skill with its labels and articles of this moment."""
    passages = passages_of(session, skill.desk_id) if skill.kind == "faq" else {}
    return kinds.make_skill(skill.kind, skill.name, skill_labels(session, skill), passages)


def check_target(ready: shapes.Skill, target: Mapping[str, Any]) -> None:
    """Raise BadInput, in one sentence, if a target names what the skill or the desk does not know."""
    problem = target_problem(ready, shapes.Example("", target))
    if problem:
        raise BadInput(f"{problem[0].upper()}{problem[1:]}.")


def add_example(
    session: Session,
    skill: Skill,
    text: str,
    target: Mapping[str, Any],
    source: str,
    role: str,
    group: str = "",
    correction_id: str | None = None,
) -> Example:
    """Store a human-judged text without personal data. The same text again takes the new target, not a new role.

    A golden row is never changed by anything but another golden row. A correction changes an imported row's target
    and leaves it an imported row, so that withdrawing the correction does not delete it.
    """
    text = redact(text)
    digest = text_digest(text)
    row = session.scalar(select(Example).where(Example.skill_id == skill.id, Example.digest == digest))
    if row is None:
        row = Example(skill_id=skill.id, digest=digest, text=text, role=role, group=group or digest)
        row.source, row.correction_id = source, correction_id
        session.add(row)
    elif row.role == "golden" and role != "golden":
        return row
    if correction_id is None or row.correction_id is not None:
        row.source, row.correction_id = source, correction_id
    row.target, row.doubt = dict(target), {}
    session.flush()
    return row


def examples_of(session: Session, skill: Skill) -> list[Example]:
    """Return every example of a skill in a fixed order."""
    return list(session.scalars(select(Example).where(Example.skill_id == skill.id).order_by(Example.id)))


def desk_texts(session: Session, desk_id: str, count: int) -> list[str]:
    """Return `count` messages of a desk in an order that never moves: the texts of its examples.

    Where it has fewer they come again, with a number behind. Raises BadInput if it has none.
    """
    statement = select(Example.text).join(Skill, Example.skill_id == Skill.id).where(Skill.desk_id == desk_id)
    own = list(dict.fromkeys(session.scalars(statement.order_by(Example.digest, Example.text))))
    if not own:
        raise BadInput("This desk has no examples yet; import some with 'frostdesk import examples'.")
    rounds = [(own[place % len(own)], place // len(own)) for place in range(count)]
    return [f"{text} {number + 1}" if number else text for text, number in rounds]


def role_counts(session: Session, skill: Skill) -> dict[str, int]:
    """Return how many examples a skill has in each role."""
    rows = session.execute(
        select(Example.role, func.count()).where(Example.skill_id == skill.id).group_by(Example.role)
    )
    return {role: int(count) for role, count in rows}


def as_shapes(rows: Sequence[Example]) -> list[shapes.Example]:
    """Return rows as the learning library takes them."""
    return [shapes.Example(row.text, row.target, row.role, row.group, row.id) for row in rows]  # type: ignore[arg-type]


def with_known_labels(ready: shapes.Skill, rows: Sequence[Example]) -> list[Example]:
    """Return the rows whose labels still exist; a removed intent or article takes its rows along."""
    return [row for row in rows if target_problem(ready, shapes.Example(row.text, row.target)) is None]
