"""A human's judgement on a turn, and the example it becomes."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from agent.doubts import doubt_left, doubted
from agent.errors import BadInput, Conflict, NotFound
from agent.examples import add_example, audit_role, check_target, ready_skill, text_digest
from agent.redaction import redact
from agent.retrainings import JUDGED, OPEN
from agent.tables import Conversation, Correction, Example, Message, Retraining, Skill, Turn, utc_now

_STANDING = (Correction.ended_at.is_(None), Correction.action != "discarded")


class Lesson(NamedTuple):
    """What a correction teaches: the words of its example, and the conversation they are from."""

    correction: Correction
    text: str
    conversation_id: str


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
    text: str | None = None,
) -> Correction:
    """Record what is right for a turn and make it an example of the skill.

    `text` is what the example shall say if the customer's own words would teach the wrong thing. A correction of
    an audited turn calibrates or gates, any other trains: rows that a queue picked are not a fair sample. An
    earlier judgement of the same turn ends; if its example was in doubt, the newer one may settle it
    (`agent.doubts`). Raises BadInput for a label the desk does not know.
    """
    if not target:
        raise BadInput('A correction needs a target, such as {"intent": "card_arrival"}.')
    check_target(ready_skill(session, skill), target)
    said = _said(turn, skill.name)
    action = "rewritten" if text else "confirmed" if _agrees(said, target) else "relabelled"
    row = _record(session, turn, skill, reviewer, action=action, target=dict(target), text=text, note=note, said=said)
    role = audit_role(skill.id, turn.conversation_id) if turn.audit else "train"
    words = _words(session, turn, skill, text)
    before = doubted(session, turn, skill)
    example = add_example(session, skill, words, target, "correction", role, turn.conversation_id, row.id)
    if before is not None:
        example.doubt = doubt_left(session, before, turn.desk_id, target, reviewer)
    _drop_ended(session, turn, skill)
    return row


def discard(session: Session, turn: Turn, skill: Skill, reviewer: str, note: str | None = None) -> Correction:
    """Record that a turn teaches a skill nothing: it leaves the review queue and becomes no example."""
    said = _said(turn, skill.name)
    row = _record(session, turn, skill, reviewer, action="discarded", target={}, text=None, note=note, said=said)
    _drop_ended(session, turn, skill)
    return row


def withdraw(session: Session, row: Correction) -> None:
    """Take a judgement back: its example goes, the judgement stays on record. Raises Conflict if it has ended."""
    if row.ended_at is not None:
        raise Conflict("This correction has ended already: a newer one took its place, or it was withdrawn.")
    row.ended_at = utc_now()
    session.flush()
    session.execute(delete(Example).where(Example.correction_id == row.id))


def withdraw_all(session: Session, desk_id: str, reviewer: str, since: datetime | None = None) -> list[Correction]:
    """Take back every standing judgement of a reviewer whose account went bad; return them.

    Turns are judged anew: they are back in the review queue.
    """
    statement = select(Correction).where(
        Correction.desk_id == desk_id, Correction.reviewer == reviewer, Correction.ended_at.is_(None)
    )
    if since is not None:
        statement = statement.where(Correction.created_at >= since)
    rows = list(session.scalars(statement))
    for row in rows:
        withdraw(session, row)
    return rows


def example_of(session: Session, row: Correction) -> Example | None:
    """Return the example that says what a standing judgement says; its text may have been there before."""
    if row.ended_at is not None or row.action == "discarded":
        return None
    skill = session.get_one(Skill, row.skill_id)
    words = _words(session, session.get_one(Turn, row.turn_id), skill, row.text)
    digest = text_digest(redact(words))
    return session.scalar(select(Example).where(Example.skill_id == skill.id, Example.digest == digest))


def find_correction(session: Session, desk_id: str, correction_id: str) -> Correction:
    """Return a correction of this desk. Raises NotFound."""
    row = session.get(Correction, correction_id)
    if row is None or row.desk_id != desk_id:
        raise NotFound("There is no such correction on this desk.")
    return row


def lessons(session: Session, skill: Skill, without: Collection[str]) -> Iterator[Lesson]:
    """Yield what a skill's standing corrections teach, oldest first, but for those of some conversations."""
    rows = session.execute(
        select(Correction, Turn)
        .join(Turn, Correction.turn_id == Turn.id)
        .where(Correction.skill_id == skill.id, *_STANDING, Turn.conversation_id.not_in(without))
        .order_by(Correction.created_at, Correction.id)
    )
    for correction, turn in rows:
        yield Lesson(correction, redact(_words(session, turn, skill, correction.text)), turn.conversation_id)


def taken_back(session: Session, conversations: Collection[str]) -> list[Lesson]:
    """Return what ended corrections of some conversations had taught, where no example says it any more.

    Versions of that time have learnt it all the same.
    """
    rows = session.execute(
        select(Correction, Turn, Skill)
        .join(Turn, Correction.turn_id == Turn.id)
        .join(Skill, Correction.skill_id == Skill.id)
        .where(
            Turn.conversation_id.in_(conversations), Correction.ended_at.is_not(None), Correction.action != "discarded"
        )
        .order_by(Correction.created_at, Correction.id)
    )
    taught = [
        Lesson(row, redact(_words(session, turn, skill, row.text)), turn.conversation_id) for row, turn, skill in rows
    ]
    keys = {lesson.correction.id: (lesson.correction.skill_id, text_digest(lesson.text)) for lesson in taught}
    digests = {digest for _, digest in keys.values()}
    said = session.execute(select(Example.skill_id, Example.digest).where(Example.digest.in_(digests)))
    there = {(skill, digest) for skill, digest in said}
    return [lesson for lesson in taught if keys[lesson.correction.id] not in there]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a correction's example came from: the customer who wrote it, who judged it, and on which day (UTC)."""

    customer: str
    reviewer: str
    day: date


def origins(session: Session, skill: Skill) -> dict[str, Origin]:
    """Return the origin of every standing correction of a skill, by the correction's id."""
    rows = session.execute(
        select(Correction, Conversation)
        .join(Turn, Correction.turn_id == Turn.id)
        .join(Conversation, Turn.conversation_id == Conversation.id)
        .where(Correction.skill_id == skill.id, Correction.ended_at.is_(None))
    )
    return {
        row.id: Origin(conversation.visitor_id or conversation.id, row.reviewer, row.created_at.date())
        for row, conversation in rows
    }


def corrections_waiting(session: Session, skill: Skill) -> int:
    """Return how many corrections of a skill no retraining has seen yet."""
    last = session.scalar(
        select(func.max(Retraining.created_at)).where(
            Retraining.skill_id == skill.id,
            Retraining.status.in_((*OPEN, *JUDGED)),
        )
    )
    statement = select(func.count()).select_from(Correction).where(Correction.skill_id == skill.id, *_STANDING)
    if last is not None:
        statement = statement.where(Correction.created_at > last)
    return session.scalar(statement) or 0


def _record(session: Session, turn: Turn, skill: Skill, reviewer: str, **values: Any) -> Correction:  # noqa: ANN401
    """Store a judgement in the place of the one that stood; the example of that one stays for the caller."""
    session.execute(
        update(Correction)
        .where(Correction.turn_id == turn.id, Correction.skill_id == skill.id, Correction.ended_at.is_(None))
        .values(ended_at=utc_now())
    )
    row = Correction(desk_id=turn.desk_id, turn_id=turn.id, skill_id=skill.id, reviewer=reviewer, **values)
    session.add(row)
    session.flush()
    return row


def _drop_ended(session: Session, turn: Turn, skill: Skill) -> None:
    """Delete the examples of ended judgements; one that the standing judgement took over keeps its role."""
    ended = select(Correction.id).where(
        Correction.turn_id == turn.id, Correction.skill_id == skill.id, Correction.ended_at.is_not(None)
    )
    session.execute(delete(Example).where(Example.correction_id.in_(ended)))


def _agrees(said: Mapping[str, Any], target: Mapping[str, Any]) -> bool:
    """Return whether the skill had said what the reviewer says: such a row confirms."""
    answers: dict[str, Any] = {}
    for verdict in said["verdicts"]:
        name = verdict.get("article", verdict.get("label"))
        if verdict["axis"] in target:
            answers[verdict["axis"]] = name if verdict["accepted"] else None
        elif name in target:
            answers[name] = bool(verdict["accepted"])
    return bool(answers) and all(answers.get(key, ...) == value for key, value in target.items())


def _words(session: Session, turn: Turn, skill: Skill, text: str | None) -> str:
    """Return what the example of a judgement says: the reviewer's wording, else what the skill read.

    A search reads the question with what it refers to; the others the message.
    """
    if text:
        return text
    return turn.read_as if skill.kind == "faq" else session.get_one(Message, turn.message_id).text


def _said(turn: Turn, skill: str) -> dict[str, Any]:
    return {"verdicts": [verdict for verdict in turn.verdicts if verdict["skill"] == skill]}
