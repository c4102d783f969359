"""Zendesk's tickets: event webhooks and triggers with our template in, the ticket API out.

Events are signed by HMAC-SHA256 (base64) over timestamp and body, without a separator. Everything is sent by one
request, `PUT /api/v2/tickets/{id}.json`. Which parts are verified stands in docs/channels/zendesk.md.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agent.channels.actions import plan_actions
from agent.channels.bodies import Email, Number, Token, as_id, read_body, read_credentials, read_path
from agent.channels.calls import basic, json_call
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, TakenOver
from agent.channels.markup import with_subject
from agent.channels.signatures import WINDOW
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "0"
ACTIONS = frozenset({"reply", "note", "hand_off", "label"})
CREATED, COMMENTED = "zen:event-type:ticket.created", "zen:event-type:ticket.comment_added"


class _Author(BaseModel):
    id: str
    is_staff: bool


class _Comment(BaseModel):
    body: str = Field(max_length=65_536)
    is_public: bool
    author: _Author


class _Said(BaseModel):
    comment: _Comment


class _Ticket(BaseModel):
    """The part of an event's `detail` that is read."""

    id: Number
    subject: str | None = None
    description: str | None = Field(None, max_length=65_536)
    is_public: bool = True
    requester_id: str | None = None
    submitter_id: str | None = None


class _Created(BaseModel):
    detail: _Ticket


class _Commented(_Created):
    event: _Said


class _Triggered(BaseModel):
    """The body that our template makes (docs/channels/zendesk.md)."""

    ticket_id: Number
    subject: str | None = None
    comment: str = Field(max_length=65_536)


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    email: Email
    token: Token
    user_id: Number


def secrets_for(given: str | None) -> list[str]:
    """Return the signing secret that Zendesk shows. Raises BadInput without one: Zendesk always signs."""
    if not given:
        raise BadInput("Zendesk needs the webhook's signing secret, which it shows with the webhook.")
    return [given]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return the API user. Raises BadInput without one, or without an address."""
    if not url:
        raise BadInput("Zendesk needs its address, such as https://shop.zendesk.com.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> str:
    """Check an event's signature and time; return its id, or the digest of a trigger's body. Raises NotSignedIn."""
    if not any(_signs(secret, body, headers, now) for secret in secrets):
        raise NotSignedIn("The event's signature or time is not valid for this connection.")
    return as_id(read_path(body, "id")) or f"trigger:{hashlib.sha256(body).hexdigest()}"


def _signs(secret: str, body: bytes, headers: Mapping[str, str], now: datetime) -> bool:
    stamp = headers.get("x-zendesk-webhook-signature-timestamp", "")
    try:
        at = datetime.fromisoformat(stamp)
        late = abs((now - at).total_seconds())
    except (ValueError, TypeError, OverflowError):  # TypeError: a time without a zone
        return False
    given = headers.get("x-zendesk-webhook-signature", "").encode()
    return late <= WINDOW and hmac.compare_digest(given, _signature(secret, stamp, body).encode())


def _signature(secret: str, stamp: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()).decode()


def parse(body: bytes) -> Event:
    """Return what an event asks for: a customer's public comment, or an agent at work. Raises BadInput."""
    kind = read_path(body, "type")
    if kind == COMMENTED:
        commented = read_body(_Commented, body)
        comment, ticket = commented.event.comment, commented.detail.id
        if not comment.is_public:
            return None
        return TakenOver(ticket, comment.author.id) if comment.author.is_staff else _heard(ticket, None, comment.body)
    if kind == CREATED:
        detail = read_body(_Created, body).detail
        by_customer = detail.is_public and detail.submitter_id == detail.requester_id
        return _heard(detail.id, detail.subject, detail.description) if by_customer else None
    if kind is None and read_path(body, "ticket_id") is not None:
        said = read_body(_Triggered, body)
        return _heard(said.ticket_id, said.subject, said.comment)
    return None


def _heard(ticket: str, subject: str | None, text: str | None) -> Heard | None:
    return Heard(ticket, with_subject(subject, text)) if text and text.strip() else None


def ticket_of(body: bytes) -> str | None:
    """Return the ticket an event is about."""
    return as_id(read_path(body, "detail", "id")) or as_id(read_path(body, "ticket_id"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order."""
    return plan_actions(ACTIONS, mode, ticket_id, turn, labels)


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a change of the ticket."""
    payload, access = delivery.payload, connection.credentials
    change: dict[str, Any]
    match delivery.action:
        case "label":
            change = {"additional_tags": [f"{axis}_{label}" for axis, label in payload["labels"].items()]}
        case "hand_off":
            change = {"status": "open"}
        case action:
            comment = {"body": payload["text"], "public": action == "reply", "author_id": int(access["user_id"])}
            change = {"comment": comment, **({"status": "pending"} if action == "reply" else {})}
    url = f"{str(connection.url).rstrip('/')}/api/v2/tickets/{payload['ticket_id']}.json"
    return json_call(url, {"ticket": change}, basic(f"{access['email']}/token", access["token"]), "PUT")


def sample(secrets: Sequence[str], number: int, now: datetime) -> Call:
    """Return a customer's comment as Zendesk sends it."""
    author = {"id": "1", "is_staff": False}
    event = {"comment": {"id": str(number), "body": TEST_TEXT, "is_public": True, "author": author}}
    sent = {"type": COMMENTED, "id": f"test-{number}", "detail": {"id": TEST_TICKET}, "event": event}
    body, stamp = json.dumps(sent).encode(), now.isoformat()
    headers = {
        "content-type": "application/json",
        "x-zendesk-webhook-signature-timestamp": stamp,
        "x-zendesk-webhook-signature": _signature(secrets[0], stamp, body),
    }
    return Call("", body, headers)
