"""A conversation as it is shown, to its visitor and to those who answer it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.api.schemas.chat import MessageView, Transcript
from agent.hours import Hours, opens_at
from agent.tables import Conversation, Message, utc_now


def show_transcript(session: Session, conversation: Conversation, hours: Hours | None, after: int = 0) -> Transcript:
    """Return whose a conversation is, whether somebody is there, and its messages with a higher `seq`."""
    said = select(Message).where(Message.conversation_id == conversation.id, Message.seq > after).order_by(Message.seq)
    back = opens_at(hours, utc_now())
    return Transcript(
        conversation_id=conversation.id,
        owner=conversation.owner,
        status=conversation.status,
        rating=conversation.rating,
        available=back is None,
        back_at=back,
        contact=conversation.email is not None,
        messages=[MessageView.model_validate(row, from_attributes=True) for row in session.scalars(said)],
    )
