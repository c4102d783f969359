"""A conversation as it is shown, to its visitor and to those who answer it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.api.schemas.chat import MessageView, Transcript
from agent.tables import Conversation, Message


def show_transcript(session: Session, conversation: Conversation, after: int = 0) -> Transcript:
    """Return whose a conversation is, and its messages with a higher `seq`."""
    said = select(Message).where(Message.conversation_id == conversation.id, Message.seq > after).order_by(Message.seq)
    return Transcript(
        conversation_id=conversation.id,
        owner=conversation.owner,
        status=conversation.status,
        rating=conversation.rating,
        messages=[MessageView.model_validate(row, from_attributes=True) for row in session.scalars(said)],
    )
