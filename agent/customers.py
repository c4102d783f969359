"""A customer, and everything that is stored of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import Session

from agent.corrections import Lesson, lessons, taken_back
from agent.errors import BadInput
from agent.examples import text_digest
from agent.tables import (
    Connection,
    Conversation,
    Correction,
    Delivery,
    Escalation,
    Example,
    InboundEvent,
    Message,
    OutboundEvent,
    Skill,
    Turn,
)


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom it is about: a widget's visitor or a helpdesk's ticket (`visitor`), or one `conversation`."""

    kind: Literal["visitor", "conversation"]
    id: str


@dataclass(frozen=True, slots=True)
class Traces:
    """Everything of one customer: ids of conversations and events, examples, and how many rows that is.

    `shared` are examples whose words another customer said too, with the correction that still teaches them;
    `taken_back` is what was an example once, until its correction ended.
    """

    conversations: tuple[str, ...]
    events: tuple[str, ...]
    examples: tuple[Example, ...]
    shared: tuple[tuple[Example, Lesson], ...]
    taken_back: tuple[Lesson, ...]
    counts: Mapping[str, int]

    @property
    def learnt(self) -> set[str]:
        """Ids by which a snapshot may know what goes: of examples, and of corrections whose example is gone."""
        return {row.id for row in self.examples} | {lesson.correction.id for lesson in self.taken_back}


def find_traces(session: Session, desk_id: str, customer: Customer) -> Traces:
    """Return everything this desk stores of a customer; its conversations are locked until the transaction ends.

    Raises BadInput if tickets of several helpdesks have this id, for those are several customers.
    """
    conversations = _conversations(session, desk_id, customer)
    ids = tuple(row.id for row in conversations)
    events = _events(session, ids, _tickets(session, desk_id, customer, conversations))
    external = [row for row in conversations if row.external_id]
    if len({row.connection_id for row in external} | set(events.values())) > 1:
        named = " or ".join(row.id for row in external)
        raise BadInput(f"Tickets of several helpdesks have this id; name one by its conversation: {named}.")
    made, shared = _examples(session, ids)
    counts = {"conversations": len(ids), **_row_counts(session, ids), "examples": len(made), "events": len(events)}
    return Traces(ids, tuple(events), tuple(made), tuple(shared), tuple(taken_back(session, ids)), counts)


def _conversations(session: Session, desk_id: str, customer: Customer) -> Sequence[Conversation]:
    theirs = Conversation.id == customer.id
    if customer.kind == "visitor":
        theirs = or_(Conversation.visitor_id == customer.id, Conversation.external_id == customer.id)
    statement = select(Conversation).where(Conversation.desk_id == desk_id, theirs)
    return session.scalars(statement.order_by(Conversation.id).with_for_update()).all()


def _tickets(
    session: Session, desk_id: str, customer: Customer, conversations: Sequence[Conversation]
) -> set[tuple[str, str]]:
    """Return (connection, ticket) of everything a helpdesk may have said of the customer.

    An event that was never read made no conversation, so a ticket's id is looked for on every connection.
    """
    found = {(row.connection_id, row.external_id) for row in conversations if row.connection_id and row.external_id}
    if customer.kind == "visitor":
        connections = session.scalars(select(Connection.id).where(Connection.desk_id == desk_id))
        found |= {(connection, customer.id) for connection in connections}
    return found


def _events(session: Session, conversations: Sequence[str], tickets: set[tuple[str, str]]) -> dict[str, str]:
    """Return the events of the customer, each with its connection: those of their turns, and unread ones."""
    turns = select(Turn.id).where(Turn.conversation_id.in_(conversations))
    theirs = or_(
        InboundEvent.turn_id.in_(turns),
        tuple_(InboundEvent.connection_id, InboundEvent.ticket_id).in_(tickets),
    )
    rows = session.execute(select(InboundEvent.id, InboundEvent.connection_id).where(theirs))
    return {row.id: row.connection_id for row in rows}


def _examples(session: Session, conversations: Sequence[str]) -> tuple[list[Example], list[tuple[Example, Lesson]]]:
    """Return the examples made from conversations, and apart from them those another correction teaches too."""
    corrections = select(Correction.id).join(Turn).where(Turn.conversation_id.in_(conversations))
    theirs = or_(Example.correction_id.in_(corrections), Example.group.in_(conversations))
    rows = session.scalars(select(Example).where(theirs).order_by(Example.id)).all()
    others: dict[tuple[str, str], Lesson] = {}
    for skill in session.scalars(select(Skill).where(Skill.id.in_({row.skill_id for row in rows}))):
        for lesson in lessons(session, skill, without=conversations):
            others[skill.id, text_digest(lesson.text)] = lesson
    made = [row for row in rows if (row.skill_id, row.digest) not in others]
    shared = [(row, others[row.skill_id, row.digest]) for row in rows if (row.skill_id, row.digest) in others]
    return made, shared


def _row_counts(session: Session, conversations: Sequence[str]) -> dict[str, int]:
    def count(statement: Select[int]) -> int:
        return session.scalar(statement) or 0

    counts = {
        table.__tablename__: count(select(func.count(table.id)).where(table.conversation_id.in_(conversations)))
        for table in (Message, Turn, Escalation, Delivery, OutboundEvent)
    }
    corrected = select(func.count(Correction.id)).join(Turn).where(Turn.conversation_id.in_(conversations))
    return {**counts, "corrections": count(corrected)}
