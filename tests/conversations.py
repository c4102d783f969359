"""Turns as a conversation leaves them, for tests that judge or count them."""

from sqlalchemy.orm import Session

from agent.tables import Conversation, Message, Turn


def store_turn(session: Session, desk_id: str, text: str, **values: object) -> Turn:
    """Store a conversation of one customer message, and the turn about it."""
    conversation = Conversation(desk_id=desk_id, channel="chat", last_seq=1)
    session.add(conversation)
    session.flush()
    message = Message(conversation_id=conversation.id, seq=1, author="customer", text=text)
    session.add(message)
    session.flush()
    fields = {"outcome": "answered", "read_as": text, **values}
    turn = Turn(desk_id=desk_id, conversation_id=conversation.id, message_id=message.id, **fields)
    session.add(turn)
    session.flush()
    return turn
