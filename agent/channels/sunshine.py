"""Sunshine Conversations, Zendesk's messaging: webhooks in, messages and the switchboard's control out.

One request holds several events; a shared secret comes with it in a header. Which parts are verified stands in
docs/channels/sunshine.md.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from agent.channels.actions import plan_actions
from agent.channels.bodies import (
    Number,
    Slug,
    Token,
    as_id,
    body_name,
    read_body,
    read_credentials,
    read_path,
    split_events,
)
from agent.channels.calls import basic, json_call
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, TakenOver
from agent.channels.markup import LONGEST_TEXT
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "0"
ACTIONS = frozenset({"reply", "note", "hand_off", "label"})
"""Notes and labels go with a hand-over; without one there is no place for them."""
SAID = "conversation:message"
OURS = {"sentBy": "frostdesk"}
"""The mark on our own messages."""
ANSWER_BOT, API = "zd:answerBot", "api:conversations"
"""Where a business's message comes from: Zendesk's own bot, or the API that we use too."""
LONGEST_SUMMARY = 3000
"""Bytes: all that goes with a hand-over may have 4 KB."""
KeyId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\x21-\x39\x3b-\x7e]+$")]
"""A key's id stands before a colon, so it holds none."""


class _Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Control(BaseModel):
    name: Slug


class _Conversation(_Camel):
    id: Slug
    active_switchboard_integration: _Control | None = None


class _Author(BaseModel):
    type: str


class _Content(BaseModel):
    text: str | None = Field(None, max_length=200_000)


class _Source(BaseModel):
    type: str = ""


class _Message(BaseModel):
    author: _Author
    content: _Content
    source: _Source = _Source()
    metadata: dict[str, Any] | None = None


class _Payload(BaseModel):
    conversation: _Conversation
    message: _Message


class _Event(BaseModel):
    """The part of an event that is read."""

    payload: _Payload


class _Credentials(BaseModel):
    """`user_id`: the name of our integration in the switchboard, by which it holds control."""

    model_config = ConfigDict(extra="forbid")
    app_id: Slug
    key_id: KeyId
    token: Token
    user_id: Slug = Field(alias="integration")
    next: Slug = "next"
    field_id: Number | None = None


def secrets_for(given: str | None) -> list[str]:
    """Return the webhook's shared secret. Raises BadInput without one: Sunshine Conversations always sends it."""
    if not given:
        raise BadInput("Sunshine Conversations needs the webhook's shared secret, which it shows with the webhook.")
    return [given]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return app, key, integration and to whom to hand over. Raises BadInput, also without an address."""
    if not url:
        raise BadInput("Sunshine Conversations needs Zendesk's address, such as https://shop.zendesk.com.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], _now: datetime) -> str:
    """Check a request's shared secret; return the name of its first event. Raises NotSignedIn, BadInput."""
    given = headers.get("x-api-key", "").encode()
    if not any(hmac.compare_digest(given, secret.encode()) for secret in secrets):
        raise NotSignedIn("The events do not carry this connection's secret.")
    events = split(body)
    return events[0][0] if events else body_name(body)


def split(body: bytes) -> list[tuple[str, bytes]]:
    """Return the id and the body of each event of a request, in order. Raises BadInput for too many."""
    return split_events(read_path(body, "events"), lambda event: as_id(read_path(event, "id")))


def parse(body: bytes) -> Event:
    """Return what an event asks for: a user's words, or a human of the business at work. Raises BadInput."""
    if read_path(body, "type") != SAID:
        return None
    found = read_body(_Event, body).payload
    conversation, message = found.conversation.id, found.message
    holder = found.conversation.active_switchboard_integration
    holds = holder.name if holder else None
    if message.author.type == "business":
        if message.source.type == ANSWER_BOT or OURS.items() <= (message.metadata or {}).items():
            return None
        return TakenOver(conversation, holds if message.source.type == API else None)
    text = (message.content.text or "").replace("\0", "").strip()[:LONGEST_TEXT]
    if message.author.type != "user" or not text:
        return None
    return Heard(conversation, text, None if conversation == TEST_TICKET else False, assignee=holds)


def ticket_of(body: bytes) -> str | None:
    """Return the conversation an event is about."""
    return as_id(read_path(body, "payload", "conversation", "id"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order; a hand-over takes notes and labels with it."""
    planned = plan_actions(ACTIONS, mode, ticket_id, turn, labels)
    if all(step.action != "hand_off" for step in planned):
        return planned
    told = {"ticket_id": ticket_id, "text": turn["escalation"]["summary"], "labels": dict(labels)}
    return [*(step for step in planned if step.action == "reply"), Planned("hand_off", told)]


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a request with the app's key. Raises BadInput for a note or labels without a hand-over."""
    payload, access = delivery.payload, connection.credentials
    sent: dict[str, Any]
    match delivery.action:
        case "reply":
            content = {"type": "text", "text": payload["text"]}
            path, sent = "messages", {"author": {"type": "business"}, "content": content, "metadata": OURS}
        case "hand_off":
            path, sent = "passControl", {"switchboardIntegration": access["next"], "metadata": _told(access, payload)}
        case _:
            raise BadInput("Sunshine Conversations takes notes and labels only together with a hand-over.")
    app = f"{str(connection.url).rstrip('/')}/sc/v2/apps/{access['app_id']}"
    url = f"{app}/conversations/{payload['ticket_id']}/{path}"
    return json_call(url, sent, basic(access["key_id"], access["token"]))


def _told(access: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, str]:
    """Return what agents read of a hand-over: its summary in a field of the ticket, its labels as tags."""
    summary = payload["text"].encode()[:LONGEST_SUMMARY].decode(errors="ignore")
    field = f"dataCapture.ticketField.{access['field_id']}" if access["field_id"] else "summary"
    tags = ",".join(f"{axis}_{label}" for axis, label in payload["labels"].items())
    return {field: summary, **({"dataCapture.systemField.tags": tags} if tags else {})}


def sample(secrets: Sequence[str], number: int, _now: datetime) -> Call:
    """Return a user's message as Sunshine Conversations sends it."""
    message = {"author": {"type": "user"}, "content": {"type": "text", "text": TEST_TEXT}}
    payload = {"conversation": {"id": TEST_TICKET}, "message": message}
    body = json.dumps({"events": [{"id": f"test-{number}", "type": SAID, "payload": payload}]}).encode()
    return Call("", body, {"content-type": "application/json", "x-api-key": secrets[0]})
