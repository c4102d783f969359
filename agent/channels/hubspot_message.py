"""A message of a HubSpot thread: who says what, and where an answer to it goes."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from agent.channels.bodies import LONGEST_ID, Number, read_body
from agent.channels.channel import Heard, TakenOver
from agent.channels.markup import with_subject

MESSAGE, INCOMING = "MESSAGE", "INCOMING"
"""The type of what is said between visitor and business, other than a comment or a welcome; from the visitor."""
AGENT, CUSTOMERS = "A-", ("V-", "E-", "")
"""How an actor's id begins: a user's of HubSpot; a visitor's, an unknown address's, or none at all."""


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Identifier(BaseModel):
    type: str
    value: str


class _Sender(_Camel):
    actor_id: str = Field("", max_length=LONGEST_ID)
    delivery_identifier: _Identifier | None = None


class _Message(_Camel):
    """The part of a thread's message that is read."""

    conversations_thread_id: Number
    type: str
    direction: str | None = None
    text: str | None = Field(None, max_length=200_000)
    subject: str | None = None
    in_reply_to_id: str | None = None
    senders: list[_Sender] = []
    channel_id: Number | None = None
    channel_account_id: Number | None = None


def read_message(body: bytes) -> Heard | TakenOver | None:
    """Return what a message asks for: a visitor's words, or a user at work. Raises BadInput."""
    said = read_body(_Message, body)
    if said.type != MESSAGE:
        return None
    thread, sender = said.conversations_thread_id, said.senders[0] if said.senders else _Sender()
    by_user = sender.actor_id.startswith(AGENT)
    if said.direction != INCOMING:  # HubSpot's bots, apps and welcomes have other letters
        return TakenOver(thread, sender.actor_id.removeprefix(AGENT)) if by_user else None
    words = with_subject(None, said.text or "")
    if sender.actor_id[:2] not in CUSTOMERS or not words:
        return None
    first = with_subject(None if said.in_reply_to_id else said.subject, words)
    return Heard(thread, first, reply_to=_reply_to(said, sender))


def _reply_to(said: _Message, sender: _Sender) -> dict[str, Any]:
    """Return where an answer to a message goes: the same channel, and back to its sender."""
    recipient: dict[str, Any] = {"actorId": sender.actor_id} if sender.actor_id else {}
    if sender.delivery_identifier:
        recipient["deliveryIdentifiers"] = [sender.delivery_identifier.model_dump()]
        if sender.delivery_identifier.type == "HS_EMAIL_ADDRESS":
            recipient["recipientField"] = "TO"
    to = {"channelId": said.channel_id, "channelAccountId": said.channel_account_id, "subject": said.subject}
    return {name: found for name, found in to.items() if found} | {"recipients": [recipient] if recipient else []}
