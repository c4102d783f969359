"""Help Scout's conversations: signed webhooks in, the Inbox API out.

A webhook's body is the whole conversation, signed by HMAC-SHA1 (base64) without a time; what happened to it stands in a
header that is not signed. So its newest message says what happened, and that message's id tells a replay. The API takes
access tokens that expire. Which parts are verified stands in docs/channels/helpscout.md.
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
from agent.channels.bodies import LONGEST_ID, Number, Token, as_id, body_name, read_body, read_credentials, read_path
from agent.channels.calls import json_call
from agent.channels.channel import TEST_TEXT, Call, ClientCredentials, Event, Heard, Mode, Planned, TakenOver
from agent.channels.markup import as_html, plain_text, with_subject
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery

BUSY = 503
ASSIGN = {"path": "/assignTo"}
TEST_TICKET = "0"
ACTIONS = frozenset({"reply", "note", "hand_off"})
"""Setting tags replaces those that users gave, so labels become a note."""
CUSTOMER, USER = "customer", "user"
BY_CUSTOMER, BY_USER = "customer", "message"
"""The types of the threads that a customer and the helpdesk's side wrote; others are notes, calls and changes."""


class _Person(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)
    id: str | None = Field(None, max_length=LONGEST_ID)
    type: str | None = None


class _Customer(BaseModel):
    id: Number


class _Thread(BaseModel):
    id: Number
    type: str
    state: str | None = None
    body: str | None = None
    created_by: _Person = Field(_Person(), alias="createdBy")


class _Threads(BaseModel):
    threads: list[_Thread]


class _Conversation(BaseModel):
    """The part of a webhook's body that is read."""

    id: Number
    status: str | None = None
    subject: str | None = None
    assignee: _Person | None = None
    customer: _Customer = Field(alias="primaryCustomer")
    embedded: _Threads = Field(alias="_embedded")

    def said(self) -> list[_Thread]:
        """Return what was said in public, oldest first."""
        public = [t for t in self.embedded.threads if t.type in (BY_CUSTOMER, BY_USER) and t.state == "published"]
        return sorted(public, key=lambda thread: int(thread.id))


class _Credentials(BaseModel):
    """`token` is the app's secret."""

    model_config = ConfigDict(extra="forbid")
    app_id: Token
    token: Token
    user_id: Number
    team_id: Number | None = None


def secrets_for(given: str | None) -> list[str]:
    """Return the webhook's secret key. Raises BadInput without one: Help Scout always signs."""
    if not given:
        raise BadInput("Help Scout needs the webhook's secret key, which you choose there.")
    return [given]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return app, user and team. Raises BadInput without the first two, or without an address."""
    if not url:
        raise BadInput("Help Scout needs the address of its API, https://api.helpscout.net.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], _now: datetime) -> str:
    """Check a body's signature; return the id of its newest message, or the digest of one without.

    Raises NotSignedIn.
    """
    given = headers.get("x-helpscout-signature", "").encode()
    if not any(hmac.compare_digest(given, _signature(secret, body).encode()) for secret in secrets):
        raise NotSignedIn("The event's signature is not valid for this connection.")
    try:
        said = read_body(_Conversation, body).said()
    except BadInput:
        said = []
    return f"thread:{said[-1].id}" if said else body_name(body)


def _signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha1).digest()).decode()


def parse(body: bytes) -> Event:
    """Return what a conversation's newest message asks for: a customer's words, or a user at work. Raises BadInput."""
    if not read_path(body, "_embedded", "threads"):
        return None
    found = read_body(_Conversation, body)
    said = found.said()
    if not said:
        return None
    newest, author = said[-1], said[-1].created_by
    if newest.type == BY_USER:
        return TakenOver(found.id, author.id) if author.type == USER else None
    text = plain_text(newest.body or "")
    if author.type != CUSTOMER or found.status == "spam" or not text:
        return None
    text = with_subject(found.subject if len(said) == 1 else None, text)
    assignee = found.assignee.id if found.assignee else None
    return Heard(found.id, text, assignee=assignee, reply_to={"customer_id": found.customer.id})


def ticket_of(body: bytes) -> str | None:
    """Return the conversation that a webhook is about."""
    return as_id(read_path(body, "id")) if read_path(body, "_embedded", "threads") else None


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order."""
    return plan_actions(ACTIONS, mode, ticket_id, turn, labels)


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a request of the bot's user."""
    payload, access, base = delivery.payload, connection.credentials, str(connection.url).rstrip("/")
    said = {"text": as_html(payload.get("text", "")), "user": int(access["user_id"])}
    sent: dict[str, Any]
    match delivery.action:
        case "hand_off" if access["team_id"]:
            method, below, sent = "PATCH", "", {**ASSIGN, "op": "replace", "value": int(access["team_id"])}
        case "hand_off":
            method, below, sent = "PATCH", "", {**ASSIGN, "op": "remove"}
        case "reply":
            method, below, sent = "POST", "/reply", {**said, "customer": {"id": int(payload["customer_id"])}}
        case _:
            method, below, sent = "POST", "/notes", said
    url = f"{base}/v2/conversations/{payload['ticket_id']}{below}"
    who = ClientCredentials(f"{base}/v2/oauth2/token", access["app_id"], access["token"])
    return json_call(url, sent, {}, method, who)


def sample(secrets: Sequence[str], number: int, _now: datetime) -> Call:
    """Return a customer's first message as Help Scout sends it."""
    author = {"id": 1, "type": CUSTOMER}
    thread = {"id": number, "type": BY_CUSTOMER, "state": "published", "body": TEST_TEXT, "createdBy": author}
    sent = {"id": int(TEST_TICKET), "primaryCustomer": author, "_embedded": {"threads": [thread]}}
    body = json.dumps(sent).encode()
    return Call("", body, {"content-type": "application/json", "x-helpscout-signature": _signature(secrets[0], body)})
