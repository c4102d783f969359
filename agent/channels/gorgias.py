"""Gorgias' tickets: an HTTP integration that posts our template in, the REST API out.

Gorgias signs nothing: the integration sends a secret of ours along in a header. The template, and which parts are
verified, stand in docs/channels/gorgias.md.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agent.channels.actions import plan_actions
from agent.channels.bodies import Email, Number, Token, as_id, body_name, read_body, read_credentials, read_path
from agent.channels.calls import basic, json_call
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, TakenOver
from agent.channels.markup import as_html, with_subject
from agent.channels.own_secret import HEADER, check_own_secret, own_secret
from agent.errors import BadInput
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "0"
ACTIONS = frozenset({"reply", "note", "hand_off", "label"})
NOTE = "internal-note"
"""The channel of what customers do not see."""
Absent = BeforeValidator(lambda found: None if found in ("", "None", "null") else found)
"""None for what a placeholder becomes that has no value."""
Address = Annotated[str, Field(min_length=1, max_length=300)]


class _Posted(BaseModel):
    """The body that our template makes; every value is text."""

    ticket_id: Number
    message_id: Number
    from_agent: bool
    channel: str
    author: Annotated[Number | None, Absent] = None
    rule: Annotated[Number | None, Absent] = None


class _Said(_Posted):
    """What a customer wrote: `to` and `sender` are its addresses, which a reply swaps."""

    subject: Annotated[str | None, Absent] = None
    assignee: Annotated[Number | None, Absent] = None
    text: str = Field(max_length=200_000)
    source: Address
    sender: Address
    to: Address


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    email: Email
    token: Token
    user_id: Number
    team_id: Number | None = None


def secrets_for(given: str | None) -> list[str]:
    """Return the given secret, or a new one. Raises BadInput for one that is short or no plain ASCII."""
    return [own_secret(given, "Gorgias")]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return the API user and the team. Raises BadInput without the first, or without an address."""
    if not url:
        raise BadInput("Gorgias needs its address, such as https://shop.gorgias.com.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], _now: datetime) -> str:
    """Check the secret that the integration sends; return the id of the message, or the digest of a body without.

    Raises NotSignedIn.
    """
    check_own_secret([headers.get(HEADER, "").encode()], secrets)
    message = as_id(read_path(body, "message_id"))
    return f"message:{message}"[:200] if message else body_name(body)


def parse(body: bytes) -> Event:
    """Return what a message asks for: a customer's words, or a user at work. Raises BadInput."""
    if read_path(body, "message_id") == "":  # an event about a ticket, not about a message
        return None
    posted = read_body(_Posted, body)
    if posted.channel == NOTE or posted.rule is not None:
        return None
    if posted.from_agent:
        return TakenOver(posted.ticket_id, posted.author)
    said = read_body(_Said, body)
    if not said.text.strip():
        return None
    subject = None if (said.subject or "").lower().startswith("re:") else said.subject  # not once more
    route = {"channel": said.channel, "source": said.source, "sender": said.to, "to": said.sender}
    return Heard(said.ticket_id, with_subject(subject, said.text), assignee=said.assignee, reply_to=route)


def ticket_of(body: bytes) -> str | None:
    """Return the ticket that a message belongs to."""
    return as_id(read_path(body, "ticket_id"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order."""
    return plan_actions(ACTIONS, mode, ticket_id, turn, labels)


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a request of the bot's user."""
    payload, access = delivery.payload, connection.credentials
    sent: dict[str, Any]
    match delivery.action:
        case "label":
            names = [f"{axis}_{label}" for axis, label in payload["labels"].items()]
            method, below, sent = "POST", "/tags", {"names": names}
        case "hand_off":
            team = {"assignee_team": {"id": int(access["team_id"])}} if access["team_id"] else {}
            method, below, sent = "PUT", "", {"status": "open", "assignee_user": None, **team}
        case action:
            route = {"channel": NOTE} if action == "note" else _route(payload)
            text = {"body_text": payload["text"], "body_html": as_html(payload["text"])}
            by = {"from_agent": True, "via": "api", "sender": {"id": int(access["user_id"])}}
            method, below, sent = "POST", "/messages", {**route, **text, **by}
    url = f"{str(connection.url).rstrip('/')}/api/tickets/{payload['ticket_id']}{below}"
    return json_call(url, sent, basic(access["email"], access["token"]), method)


def _route(payload: Mapping[str, str]) -> dict[str, Any]:
    """Return the way back that a customer's message came by."""
    addresses = {"from": {"address": payload["sender"]}, "to": [{"address": payload["to"]}]}
    return {"channel": payload["channel"], "source": {"type": payload["source"], **addresses}}


def sample(secrets: Sequence[str], number: int, _now: datetime) -> Call:
    """Return a customer's message as an integration with our template posts it."""
    route = {"channel": "email", "source": "email", "sender": "test@shop.example", "to": "help@shop.example"}
    who = {"ticket_id": TEST_TICKET, "message_id": str(number), "from_agent": "False"}
    body = json.dumps({**who, **route, "text": TEST_TEXT}).encode()
    return Call("", body, {"content-type": "application/json", HEADER: secrets[0]})
