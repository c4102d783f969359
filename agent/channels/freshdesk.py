"""Freshdesk's tickets: automation rules that post our template in, the ticket API out.

Freshdesk signs nothing: a rule sends a secret of ours along, as the password of Basic authentication or in a header.
The template, and which parts are verified, stand in docs/channels/freshdesk.md.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.channels.actions import plan_actions
from agent.channels.bodies import Number, Token, as_id, body_name, read_body, read_credentials, read_path
from agent.channels.calls import basic, json_call
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, TakenOver
from agent.channels.markup import as_html, plain_text, with_subject
from agent.channels.own_secret import HEADER, check_own_secret, own_secret
from agent.errors import BadInput
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "0"
ACTIONS = frozenset({"reply", "note", "hand_off"})
"""Setting tags replaces those that agents gave, so labels become a note."""
OPEN = 2
"""The number of the status."""


class _Posted(BaseModel):
    """The body that our template makes."""

    by: Literal["customer", "agent"]
    ticket_id: Number
    subject: str | None = None
    description: str | None = Field(None, max_length=200_000)
    comment: str | None = Field(None, max_length=200_000)
    requester: str | None = None


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: Token
    group_id: Number | None = None


def secrets_for(given: str | None) -> list[str]:
    """Return the given secret, or a new one. Raises BadInput for one that is short or no plain ASCII."""
    return [own_secret(given, "Freshdesk")]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return API key and group. Raises BadInput without the first, or without an address."""
    if not url:
        raise BadInput("Freshdesk needs its address, such as https://shop.freshdesk.com.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], _now: datetime) -> str:
    """Check the secret that a rule sends; return the digest of the body, which has no id. Raises NotSignedIn."""
    check_own_secret([headers.get(HEADER, "").encode(), _password(headers.get("authorization", ""))], secrets)
    return body_name(body)


def _password(authorization: str) -> bytes:
    """Return the password of Basic authentication, nothing if there is none."""
    scheme, _, packed = authorization.partition(" ")
    try:
        pair = base64.b64decode(packed.strip(), validate=True)
    except ValueError:
        return b""
    return pair.partition(b":")[2] if scheme.lower() == "basic" else b""


def parse(body: bytes) -> Event:
    """Return what a rule tells: a customer's words, or an agent at work. Raises BadInput."""
    posted = read_body(_Posted, body)
    if posted.by == "agent":
        return TakenOver(posted.ticket_id)
    comment = plain_text(posted.comment or "")
    if posted.requester:  # Freshdesk puts the name before the words
        comment = comment.removeprefix(f"{posted.requester.strip()} :").lstrip()
    if comment:
        return Heard(posted.ticket_id, comment)
    said = plain_text(posted.description or "")
    return Heard(posted.ticket_id, with_subject(posted.subject, said)) if said else None


def ticket_of(body: bytes) -> str | None:
    """Return the ticket an event is about."""
    return as_id(read_path(body, "ticket_id"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order."""
    return plan_actions(ACTIONS, mode, ticket_id, turn, labels)


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a request of the agent whose API key it is."""
    payload, access = delivery.payload, connection.credentials
    ticket = f"{str(connection.url).rstrip('/')}/api/v2/tickets/{payload['ticket_id']}"
    headers = basic(access["token"], "X")
    if delivery.action == "hand_off":
        group = {"group_id": int(access["group_id"])} if access["group_id"] else {}
        return json_call(ticket, {"status": OPEN, **group}, headers, "PUT")
    said: dict[str, Any] = {"body": as_html(payload["text"])}
    if delivery.action == "note":
        said["private"] = True
    return json_call(f"{ticket}/{'notes' if delivery.action == 'note' else 'reply'}", said, headers)


def sample(secrets: Sequence[str], number: int, _now: datetime) -> Call:
    """Return a customer's comment as a rule with our template posts it."""
    body = json.dumps({"by": "customer", "ticket_id": TEST_TICKET, "comment": TEST_TEXT, "test": number}).encode()
    return Call("", body, {"content-type": "application/json", HEADER: secrets[0]})
