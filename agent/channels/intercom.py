"""Intercom's conversations: webhook notifications in, the REST API out.

Notifications are signed by HMAC-SHA1 over the body, without a time: a replayed one is known by its id. Which parts are
verified stands in docs/channels/intercom.md.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agent.channels.actions import plan_actions
from agent.channels.bodies import LONGEST_ID, Number, Token, as_id, body_name, read_body, read_credentials, read_path
from agent.channels.calls import bearer, json_call
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, TakenOver
from agent.channels.markup import as_html, plain_text
from agent.channels.signatures import check_hub_signature, hub_signature
from agent.errors import BadInput
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "0"
ACTIONS = frozenset({"reply", "note", "hand_off"})
"""A tag is set by the number it has in one workspace, so labels become a note."""
VERSION = "2.15"
"""The version of Intercom's API that the calls are written for."""
CREATED, REPLIED = "conversation.user.created", "conversation.user.replied"
ASSIGNED = "conversation.admin.assigned"
HUMAN = ("conversation.admin.replied", "conversation.admin.closed")
CUSTOMERS = ("user", "lead", "contact")
NOBODY = "0"
"""Whom a conversation is assigned to that is assigned to nobody."""


class _Author(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)
    type: str
    id: str = Field(max_length=LONGEST_ID)


class _Said(BaseModel):
    """What began a conversation, or one part of it. Its body is HTML."""

    body: str | None = Field(None, max_length=65_536)
    author: _Author


class _Parts(BaseModel):
    conversation_parts: list[_Said] = []


class _Conversation(BaseModel):
    """The part of a notification's `data.item` that is read."""

    id: Number
    admin_assignee_id: Number | None = None
    source: _Said | None = None
    conversation_parts: _Parts = _Parts()


class _Data(BaseModel):
    item: _Conversation


class _Notification(BaseModel):
    data: _Data


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: Token
    user_id: Number
    team_id: Number | None = None


def secrets_for(given: str | None) -> list[str]:
    """Return the app's client secret. Raises BadInput without one: Intercom always signs."""
    if not given:
        raise BadInput("Intercom needs the app's client secret, which the Developer Hub shows.")
    return [given]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return token, teammate and team. Raises BadInput without the first two, or without an address."""
    if not url:
        raise BadInput("Intercom needs the address of its API, such as https://api.intercom.io.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], _now: datetime) -> str:
    """Check a notification's signature; return its id, or the digest of one without. Raises NotSignedIn."""
    check_hub_signature(body, headers, secrets)
    return as_id(read_path(body, "id")) or body_name(body)


def parse(body: bytes) -> Event:
    """Return what a notification asks for: a customer's words, or a teammate at work. Raises BadInput."""
    topic = read_path(body, "topic")
    if topic not in (CREATED, REPLIED, ASSIGNED, *HUMAN):
        return None
    found = read_body(_Notification, body).data.item
    assignee = None if found.admin_assignee_id == NOBODY else found.admin_assignee_id
    if topic == ASSIGNED:
        return TakenOver(found.id, assignee) if assignee else None
    parts = found.conversation_parts.conversation_parts
    said = found.source if topic == CREATED else (parts[-1] if parts else None)
    if said is None:
        return None
    if topic in HUMAN:  # Intercom's own bots come by these topics too
        return TakenOver(found.id, said.author.id) if said.author.type == "admin" else None
    text = plain_text(said.body or "")
    return Heard(found.id, text, assignee=assignee) if text and said.author.type in CUSTOMERS else None


def ticket_of(body: bytes) -> str | None:
    """Return the conversation a notification is about."""
    return as_id(read_path(body, "data", "item", "id"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order."""
    return plan_actions(ACTIONS, mode, ticket_id, turn, labels)


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a request of the bot's teammate."""
    payload, access = delivery.payload, connection.credentials
    conversation = f"{str(connection.url).rstrip('/')}/conversations/{payload['ticket_id']}"
    if delivery.action == "hand_off":
        team = access["team_id"]
        kind = {"message_type": "assignment", "type": "team" if team else "admin", "assignee_id": team or NOBODY}
        url = f"{conversation}/parts"
    else:
        kind = {"message_type": "comment" if delivery.action == "reply" else "note", "type": "admin"}
        kind["body"] = as_html(payload["text"])
        url = f"{conversation}/reply"
    headers = {**bearer(access["token"]), "intercom-version": VERSION}
    return json_call(url, {**kind, "admin_id": access["user_id"]}, headers)


def sample(secrets: Sequence[str], number: int, _now: datetime) -> Call:
    """Return a customer's first words as Intercom sends them."""
    source = {"body": f"<p>{as_html(TEST_TEXT)}</p>", "author": {"type": "user", "id": "1"}}
    item = {"type": "conversation", "id": TEST_TICKET, "source": source}
    sent = {"type": "notification_event", "id": f"test-{number}", "topic": CREATED, "data": {"item": item}}
    body = json.dumps(sent).encode()
    headers = {"content-type": "application/json", "x-hub-signature": hub_signature(secrets[0], body)}
    return Call("", body, headers)
