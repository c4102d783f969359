"""Zammad's tickets: a trigger's webhook in, articles, tags and changes of the ticket by its REST API out.

The body is Zammad's own, signed by HMAC-SHA1 without a time: an old one that is posted again is known by its article's
id. Which parts are verified stands in docs/channels/zammad.md.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from agent.channels.actions import plan_actions
from agent.channels.bodies import Number, Token, as_id, body_name, read_body, read_credentials, read_path
from agent.channels.calls import json_call
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, TakenOver
from agent.channels.markup import as_html, plain_text, with_subject
from agent.channels.signatures import check_hub_signature, hub_signature
from agent.errors import BadInput
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "0"
ACTIONS = frozenset({"reply", "note", "hand_off"})
"""Beside tags, of which Zammad takes one at a time."""
CUSTOMER, AGENT = "Customer", "Agent"
NOBODY = "1"
"""The user who owns a ticket that nobody owns."""


class _Ticket(BaseModel):
    id: Number
    title: str | None = None
    article_count: int | None = None
    owner_id: Number | None = None


class _Article(BaseModel):
    sender: str
    internal: bool
    body: str | None = Field(None, max_length=200_000)
    content_type: str | None = None
    created_by_id: Number | None = None


class _Posted(BaseModel):
    """The part of a webhook's own body that is read."""

    ticket: _Ticket
    article: _Article


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: Token
    user_id: Number
    group_id: Number | None = None


def secrets_for(given: str | None) -> list[str]:
    """Return the webhook's signature token. Raises BadInput without one: what is unsigned could be anybody's."""
    if not given:
        raise BadInput("Zammad needs the webhook's HMAC SHA1 signature token, which you choose there.")
    return [given]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return token, user and group. Raises BadInput without the first two, or without an address."""
    if not url:
        raise BadInput("Zammad needs its address, such as https://zammad.example.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], _now: datetime) -> str:
    """Check a body's signature; return its article's id, or the digest of one without. Raises NotSignedIn.

    Zammad's own id of a delivery stands in a header that is not signed, so it could not tell a replay.
    """
    check_hub_signature(body, headers, secrets)
    article = as_id(read_path(body, "article", "id"))
    return f"article:{article}"[:200] if article else body_name(body)


def parse(body: bytes) -> Event:
    """Return what an article asks for: a customer's words, or an agent at work. Raises BadInput."""
    if not read_path(body, "article"):
        return None
    found = read_body(_Posted, body)
    ticket, article = found.ticket, found.article
    if article.internal:
        return None
    if article.sender == AGENT:
        return TakenOver(ticket.id, article.created_by_id)
    written = article.body or ""
    said = written if article.content_type == "text/plain" else plain_text(written)
    if article.sender != CUSTOMER or not said.strip():
        return None
    text = with_subject(ticket.title if ticket.article_count == 1 else None, said)
    return Heard(ticket.id, text, assignee=None if ticket.owner_id == NOBODY else ticket.owner_id)


def ticket_of(body: bytes) -> str | None:
    """Return the ticket an article belongs to."""
    return as_id(read_path(body, "ticket", "id"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order; every label is a tag of its own."""
    tags = [Planned("label", {"ticket_id": ticket_id, "labels": {axis: label}}) for axis, label in labels.items()]
    return [*(tags if mode != "watch" else ()), *plan_actions(ACTIONS, mode, ticket_id, turn, {})]


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a request of the bot's user."""
    payload, access = delivery.payload, connection.credentials
    ticket, method = int(payload["ticket_id"]), "POST"
    sent: dict[str, Any]
    match delivery.action:
        case "label":
            [(axis, label)] = payload["labels"].items()
            path, sent = "tags/add", {"item": f"{axis}_{label}", "object": "Ticket", "o_id": ticket}
        case "hand_off":
            group = {"group_id": int(access["group_id"])} if access["group_id"] else {}
            path, sent, method = f"tickets/{ticket}", {"owner_id": int(NOBODY), "state": "open", **group}, "PUT"
        case action:
            text = {"body": as_html(payload["text"]), "content_type": "text/html"}
            path = "ticket_articles"
            sent = {"ticket_id": ticket, "type": "note", "internal": action == "note", **text}
    url = f"{str(connection.url).rstrip('/')}/api/v1/{path}"
    return json_call(url, sent, {"authorization": f"Token token={access['token']}"}, method)


def sample(secrets: Sequence[str], number: int, _now: datetime) -> Call:
    """Return a customer's article as Zammad sends it."""
    article = {"id": number, "sender": CUSTOMER, "internal": False, "body": TEST_TEXT, "content_type": "text/plain"}
    body = json.dumps({"ticket": {"id": int(TEST_TICKET), "owner_id": int(NOBODY)}, "article": article}).encode()
    headers = {"content-type": "application/json", "x-hub-signature": hub_signature(secrets[0], body)}
    return Call("", body, headers)
