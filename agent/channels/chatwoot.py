"""Chatwoot's agent bots: signed events in, messages and a hand-off by its REST API out.

Events are signed by HMAC-SHA256 over "{timestamp}.{body}" where the server signs at all (older ones do not); a bot
whose delivery fails is tried again only after 429 and 500. What a bot's token may call, and the bodies, are those of
Chatwoot's source; `toggle_status`'s body is recalled (docs/channels/chatwoot.md says so per call).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.channels.actions import plan_actions
from agent.channels.bodies import Token, as_id, read_body, read_credentials, read_path
from agent.channels.calls import json_call
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, TakenOver
from agent.channels.signatures import is_recent
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery

BUSY = 429
TEST_TICKET = "0"
"""No account has such a conversation."""
ACTIONS = frozenset({"reply", "note", "hand_off"})
"""A bot's token may not set labels."""
OURS = "pending"
"""The status of a conversation that its bot answers."""


class _Conversation(BaseModel):
    id: int
    status: str = OURS


class _Sender(BaseModel):
    type: str = "contact"


class _Message(BaseModel):
    """The part of `message_created` that is read. A contact's `sender` has no type in real captures."""

    content: str | None = Field(None, max_length=20_000)
    message_type: Literal["incoming", "outgoing", "template", "activity"]
    private: bool = False
    conversation: _Conversation
    sender: _Sender | None = None


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    account_id: int = Field(ge=1)
    token: Token


def secrets_for(given: str | None) -> list[str]:
    """Return the secret that Chatwoot shows; without one, events are taken unsigned."""
    return [given] if given else []


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return account and bot token. Raises BadInput without them, or without an address."""
    if not url:
        raise BadInput("Chatwoot needs its address, such as https://chat.example.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> str:
    """Check an event's signature and time; return what names it: its type and the id of its message or conversation.

    Raises NotSignedIn, or BadInput for an event without a name.
    """
    if secrets and not any(_signs(secret, body, headers, now) for secret in secrets):
        raise NotSignedIn("The event's signature or time is not valid for this connection.")
    event, subject = read_path(body, "event"), as_id(read_path(body, "id"))
    if event == "message_created" and subject:
        return f"message_created:{subject}"
    delivery = headers.get("x-chatwoot-delivery", "")[:100] or hashlib.sha256(body).hexdigest()
    return f"delivery:{delivery}"


def _signs(secret: str, body: bytes, headers: Mapping[str, str], now: datetime) -> bool:
    stamp, signature = headers.get("x-chatwoot-timestamp", ""), headers.get("x-chatwoot-signature", "")
    return is_recent(stamp, now) and hmac.compare_digest(signature.encode(), _signature(secret, stamp, body).encode())


def _signature(secret: str, stamp: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def parse(body: bytes) -> Event:
    """Return what an event asks for: a contact's message to the bot, a human at work, or nothing. Raises BadInput."""
    event = read_path(body, "event")
    if event == "conversation_opened":
        ticket = ticket_of(body)
        return TakenOver(ticket) if ticket else None
    if event != "message_created":
        return None
    message = read_body(_Message, body)
    ticket, text = str(message.conversation.id), (message.content or "").replace("\0", "")
    if message.private or message.message_type not in ("incoming", "outgoing"):
        return None
    if message.message_type == "outgoing":
        human = message.sender is not None and message.sender.type == "user"
        return TakenOver(ticket) if human else None
    return Heard(ticket, text, message.conversation.status == OURS) if text.strip() else None


def ticket_of(body: bytes) -> str | None:
    """Return the conversation an event is about."""
    if read_path(body, "event") in ("conversation_opened", "conversation_resolved"):
        return as_id(read_path(body, "id"))
    return as_id(read_path(body, "conversation", "id"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order."""
    return plan_actions(ACTIONS, mode, ticket_id, turn, labels)


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a request of the bot."""
    account, payload = connection.credentials["account_id"], delivery.payload
    base = f"{str(connection.url).rstrip('/')}/api/v1/accounts/{account}/conversations/{payload['ticket_id']}"
    headers = {"api_access_token": connection.credentials["token"]}
    if delivery.action == "hand_off":
        return json_call(f"{base}/toggle_status", {"status": "open"}, headers)
    message = {
        "content": payload["text"],
        "message_type": "outgoing",
        "private": delivery.action == "note",
        "content_type": "text",
        "content_attributes": {},
    }
    return json_call(f"{base}/messages", message, headers)


def sample(secrets: Sequence[str], number: int, now: datetime) -> Call:
    """Return a contact's message as Chatwoot sends it."""
    message = {
        "event": "message_created",
        "id": number,
        "content": TEST_TEXT,
        "message_type": "incoming",
        "private": False,
        "conversation": {"id": int(TEST_TICKET), "status": OURS},
    }
    body, stamp = json.dumps(message).encode(), str(int(now.timestamp()))
    headers = {"content-type": "application/json", "x-chatwoot-timestamp": stamp}
    if secrets:
        headers["x-chatwoot-signature"] = _signature(secrets[0], stamp, body)
    return Call("", body, headers)
