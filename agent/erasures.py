"""Erasing a customer: everything stored of them goes in one transaction, and a tombstone stays."""

from hashlib import sha256

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from agent.customers import Customer, Traces
from agent.errors import Conflict, NotFound
from agent.installation import own_secret
from agent.retrainings import mark_erased
from agent.tables import Conversation, Erasure, Example, InboundEvent, utc_now


def erase(session: Session, desk_id: str, customer: Customer, traces: Traces, actor: str) -> Erasure:
    """Remove a customer's traces and leave a tombstone; cannot be undone.

    Messages, turns, escalations, corrections, deliveries and outbound events go with their conversation. Raises
    Conflict while a worker holds one of the customer's events, for it would store the text anew.
    """
    _refuse_while_read(session, traces)
    for example, lesson in traces.shared:  # it stays, in the other customer's own words
        example.text, example.group = lesson.text, lesson.conversation_id
        example.correction_id, example.target = lesson.correction.id, lesson.correction.target
    _mark_snapshots(session, traces)
    session.flush()
    session.execute(delete(Example).where(Example.id.in_([row.id for row in traces.examples])))
    _empty_events(session, traces)
    session.execute(delete(Conversation).where(Conversation.id.in_(traces.conversations)))
    tombstone = Erasure(
        desk_id=desk_id,
        subject=customer.kind,
        id_hash=_id_hash(session, desk_id, customer),
        actor=actor,
        counts=dict(traces.counts),
    )
    session.add(tombstone)
    session.flush()
    return tombstone


def find_erasure(session: Session, desk_id: str, customer: Customer) -> Erasure:
    """Return the newest tombstone of a customer. Raises NotFound if they were never erased here."""
    mine = (Erasure.desk_id == desk_id, Erasure.id_hash == _id_hash(session, desk_id, customer))
    found = session.scalar(select(Erasure).where(*mine).order_by(Erasure.created_at.desc()).limit(1))
    if found is None:
        whom = "visitor or ticket" if customer.kind == "visitor" else "conversation"
        raise NotFound(f"This desk stores nothing of such a {whom}, and has erased none; check the id.")
    return found


def _mark_snapshots(session: Session, traces: Traces) -> None:
    skills = {row.skill_id for row in traces.examples} | {old.correction.skill_id for old in traces.taken_back}
    texts = {row.text for row in traces.examples} | {old.text for old in traces.taken_back}
    mark_erased(session, skills, traces.learnt, texts)


def _refuse_while_read(session: Session, traces: Traces) -> None:
    reading = select(InboundEvent.id).where(
        InboundEvent.id.in_(traces.events), InboundEvent.status == "queued", InboundEvent.lease_until > utc_now()
    )
    if session.scalar(reading.limit(1)) is not None:
        raise Conflict("A ticket event of this customer is being read at this moment; try again in two minutes.")


def _empty_events(session: Session, traces: Traces) -> None:
    """Drop what events said; the rows stay, so that the helpdesk's repeating one brings nothing back."""
    session.execute(
        update(InboundEvent)
        .where(InboundEvent.id.in_(traces.events))
        .values(
            body=b"",
            ticket_id=None,
            error=None,
            status=case((InboundEvent.status == "queued", "ignored"), else_=InboundEvent.status),
        )
    )


def _id_hash(session: Session, desk_id: str, customer: Customer) -> str:
    """Return the salted SHA-256 of an id: it is found again by who knows the id, and tells nobody else."""
    salt = own_secret(session, "erasure_salt")
    return sha256(salt + f"{desk_id} {customer.kind} {customer.id}".encode()).hexdigest()
