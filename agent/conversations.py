"""Conversations: taking a message in, reading what was said before, adding what is said back."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Literal

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from agent.database import insert_and_return
from agent.errors import NotAllowed, NotFound
from agent.outbound import tell_of
from agent.tables import Conversation, Escalation, Message, Turn, new_id, utc_now

FOLLOWED = timedelta(days=1)
"""How old a conversation may be that is only known by the message before."""


@dataclass(frozen=True, slots=True)
class Said:
    """A customer's message as a channel hands it over.

    `conversation_id` None starts a conversation. `client_id` names this message for its sender, so that
    posting it twice counts once. `visitor_id` must own the conversation if it is set. `thread` names the
    conversation for a sender who knows no id of ours: the same name on the same desk is the same conversation.
    A sender who can name neither tells the `client_id` of the customer's message before this one (`follows`).
    `wants_human`: the sender knows that a human must take over, whatever the text says.
    """

    text: str
    channel: str
    conversation_id: str | None = None
    client_id: str | None = None
    visitor_id: str | None = None
    connection_id: str | None = None
    external_id: str | None = None
    thread: str | None = None
    follows: str | None = None
    wants_human: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A stored message, and the turn it already had, if this is a repetition."""

    conversation: Conversation
    message: Message
    turn_id: str | None

    @property
    def conversation_id(self) -> str:
        """The conversation's id."""
        return self.conversation.id

    @property
    def message_id(self) -> str:
        """The message's id."""
        return self.message.id


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier turns of a conversation say about the next one. Newest first."""

    owner: str
    turns: tuple[Turn, ...]
    first_text: str
    texts: tuple[str, ...]


def receive(session: Session, desk_id: str, said: Said) -> Arrival:
    """Store a message once and return where it is; a repeated `client_id` finds the first one.

    The conversation is locked until the transaction ends, so that the same message posted twice at once
    is stored once.
    """
    conversation = _conversation(session, desk_id, said)
    if said.client_id is not None and conversation.last_seq:
        known = session.scalar(
            select(Message).where(Message.conversation_id == conversation.id, Message.client_id == said.client_id)
        )
        if known is not None:
            turn_id = session.scalar(select(Turn.id).where(Turn.message_id == known.id))
            return Arrival(conversation, known, turn_id)
    message = add_message(session, conversation, "customer", said.text, said.client_id)
    return Arrival(conversation, message, None)


def add_message(
    session: Session, conversation: Conversation, author: str, text: str, client_id: str | None = None
) -> Message:
    """Append a message; the conversation, which the caller has locked, hands out the sequence number."""
    conversation.last_seq += 1
    conversation.updated_at = utc_now()
    seq = conversation.last_seq
    message = Message(conversation_id=conversation.id, seq=seq, author=author, text=text, client_id=client_id)
    session.add(message)
    session.flush()
    return message


def read_past(session: Session, arrival: Arrival, limit: int = 10) -> Past:
    """Return what was said and decided before a message."""
    conversation = arrival.conversation
    if conversation.last_seq == 1:
        return Past(conversation.owner, (), arrival.message.text, ())
    turns = session.scalars(
        select(Turn)
        .where(Turn.conversation_id == conversation.id, Turn.message_id != arrival.message_id)
        .order_by(Turn.created_at.desc(), Turn.id.desc())
        .limit(limit)
    ).all()
    said = select(Message).where(Message.conversation_id == conversation.id, Message.author == "customer")
    first = session.scalars(said.order_by(Message.seq).limit(1)).one()
    return Past(conversation.owner, tuple(turns), first.text, tuple(turn.read_as for turn in turns))


def find_conversation(
    session: Session, desk_id: str, conversation_id: str, visitor_id: str | None = None, lock: bool = False
) -> Conversation:
    """Return a conversation of this desk (and of this visitor). Raises NotFound or NotAllowed.

    `lock` makes others who would write to it wait for the end of this transaction.
    """
    conversation = session.get(Conversation, conversation_id, with_for_update=lock)
    if conversation is None or conversation.desk_id != desk_id:
        raise NotFound("There is no such conversation on this desk.")
    if visitor_id is not None and conversation.visitor_id != visitor_id:
        raise NotAllowed("This conversation belongs to another visitor.")
    return conversation


def open_escalation(session: Session, conversation_id: str) -> Escalation | None:
    """Return the conversation's open escalation."""
    return session.scalar(
        select(Escalation).where(Escalation.conversation_id == conversation_id, Escalation.status == "open")
    )


def id_of_thread(desk_id: str, said: Said) -> str:
    """Return the id of the conversation that a sender's own name (`thread`) stands for."""
    return _id_of(f"thread {desk_id} {said.channel} {said.visitor_id} {said.thread}")


def end_escalation(session: Session, conversation: Conversation, status: Literal["given_back", "closed"]) -> None:
    """End the open escalation, if any, and hand the conversation back to the bot."""
    if conversation.status == "open":
        tell_of(session, conversation, "conversation.closed" if status == "closed" else "conversation.given_back")
    escalation = open_escalation(session, conversation.id)
    if escalation is not None:
        escalation.status, escalation.ended_at = status, utc_now()
    conversation.owner = "bot"
    conversation.updated_at = utc_now()


def _conversation(session: Session, desk_id: str, said: Said) -> Conversation:
    if said.external_id is not None:
        conversation = _external_conversation(session, desk_id, said)
    elif said.conversation_id is None:
        conversation = _followed(session, desk_id, said) or _new_conversation(session, desk_id, said)
    else:
        conversation = find_conversation(session, desk_id, said.conversation_id, said.visitor_id, lock=True)
    if conversation.status == "closed":  # a customer who writes again opens it again
        conversation.status, conversation.reopened_at = "open", utc_now()
        conversation.rating = conversation.remark = None
        tell_of(session, conversation, "conversation.reopened")
    return conversation


def _followed(session: Session, desk_id: str, said: Said) -> Conversation | None:
    """Return the newest conversation of the last day in which a message follows the one before it, and no other does.

    So two customers whose chats began with the same words go on apart.
    """
    if said.follows is None:
        return None
    before, after = aliased(Message), aliased(Message)
    went_on = exists().where(
        after.conversation_id == Conversation.id,
        after.author == "customer",
        after.seq > before.seq,
        after.client_id.is_distinct_from(said.client_id),
    )
    return session.scalar(
        select(Conversation)
        .join(before, before.conversation_id == Conversation.id)
        .where(Conversation.desk_id == desk_id, Conversation.channel == said.channel)
        .where(Conversation.updated_at > utc_now() - FOLLOWED, before.client_id == said.follows, ~went_on)
        .order_by(Conversation.updated_at.desc())
        .limit(1)
        .with_for_update(of=Conversation)
    )


def _new_conversation(session: Session, desk_id: str, said: Said) -> Conversation:
    """Start a conversation, or go on with one that has a name.

    A first message that its visitor named starts the same conversation when it is repeated.
    """
    conversation_id = new_id("conv")
    if said.thread is not None:
        conversation_id = id_of_thread(desk_id, said)
    elif said.visitor_id and said.client_id:
        conversation_id = _id_of(f"{desk_id} {said.visitor_id} {said.client_id}")
    values = {"id": conversation_id, "desk_id": desk_id, "channel": said.channel, "visitor_id": said.visitor_id}
    fresh = insert_and_return(session, Conversation, values, ["id"])
    return fresh or session.get_one(Conversation, conversation_id, with_for_update=True)


def _id_of(name: str) -> str:
    return f"conv_{sha256(name.encode()).hexdigest()[:24]}"


def _external_conversation(session: Session, desk_id: str, said: Said) -> Conversation:
    """Find or make the conversation of a helpdesk's ticket; two events at once make one."""
    values = {
        "id": new_id("conv"),
        "desk_id": desk_id,
        "channel": said.channel,
        "connection_id": said.connection_id,
        "external_id": said.external_id,
    }
    fresh = insert_and_return(session, Conversation, values, ["connection_id", "external_id"])
    if fresh is not None:
        return fresh
    named = (Conversation.connection_id == said.connection_id, Conversation.external_id == said.external_id)
    return session.scalars(select(Conversation).where(*named).with_for_update()).one()
