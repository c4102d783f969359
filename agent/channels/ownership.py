"""Whose a helpdesk's conversation is: ours to answer, or a human's.

Only where the bot answers customers itself does it matter: a note or a label interrupts nobody.
"""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from agent.channels.channel import Heard
from agent.conversations import end_escalation
from agent.tables import Connection, Conversation, Delivery, Escalation, InboundEvent


def is_ours(connection: Connection, heard: Heard) -> bool | None:
    """Return whether the helpdesk leaves a conversation to the bot, None if it does not say."""
    if heard.assignee is not None:
        return heard.assignee == connection.credentials.get("user_id")
    return heard.ours


def is_among_colleagues(connection: Connection, heard: Heard) -> bool:
    """Return whether something was said where the connection's notes go: it is no customer's."""
    return heard.place is not None and heard.place == connection.credentials.get("notes_channel")


def was_taken_over(session: Session, delivery: Delivery) -> bool:
    """Return whether a human has the delivery's conversation, other than by the hand-over that it belongs to."""
    conversation = session.get_one(Conversation, delivery.conversation_id)
    if conversation.owner != "human":
        return False
    turn = select(InboundEvent.turn_id).where(InboundEvent.id == delivery.inbound_event_id).scalar_subquery()
    ours = select(Escalation.id).where(Escalation.turn_id == turn, Escalation.status == "open")
    return session.scalar(ours) is None


def stand_down(session: Session, connection: Connection, ticket_id: str) -> None:
    """Leave a ticket to the human who answers it now; one that we never heard of stays theirs without a record."""
    if connection.mode == "answer":
        session.execute(
            update(Conversation)
            .where(Conversation.connection_id == connection.id, Conversation.external_id == ticket_id)
            .values(owner="human")
        )


def take_back(session: Session, connection: Connection, ticket_id: str, heard_at: datetime) -> None:
    """Take a conversation back that the helpdesk says is the bot's, though we had handed it over.

    Only where the hand-over had arrived before the message came: until then the helpdesk could not know of it.
    """
    conversation = session.scalar(
        select(Conversation)
        .where(Conversation.connection_id == connection.id, Conversation.external_id == ticket_id)
        .with_for_update()
    )
    if conversation is None or conversation.owner != "human":
        return
    if connection.mode != "answer":
        end_escalation(session, conversation, "given_back")
        return
    handed = select(Delivery).where(Delivery.conversation_id == conversation.id, Delivery.action == "hand_off")
    last = session.scalar(handed.order_by(Delivery.created_at.desc()).limit(1))
    if last is not None and last.sent_at is not None and last.sent_at < heard_at:
        end_escalation(session, conversation, "given_back")
