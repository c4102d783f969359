"""HubSpot's conversations: webhooks that name messages in, threads read and written by its REST API.

One request holds several events, signed by HMAC-SHA256 (base64) over method, address, body and time. An event of a new
message says only which: a worker reads the message itself. Which parts are verified stands in docs/channels/hubspot.md.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from agent.channels.actions import plan_actions
from agent.channels.bodies import (
    LONGEST_ID,
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
from agent.channels.channel import TEST_TEXT, Call, Event, Mode, Planned, TakenOver
from agent.channels.hubspot_message import AGENT, INCOMING, MESSAGE, read_message
from agent.channels.markup import as_html
from agent.channels.signatures import is_recent
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "0"
ACTIONS = frozenset({"reply", "note", "hand_off"})
"""A thread has no tags, so labels become a note."""
NEW_MESSAGE, CHANGED = "conversation.newMessage", "conversation.propertyChange"


class _Named(BaseModel):
    """The part of an event of a new message that is read."""

    model_config = ConfigDict(alias_generator=to_camel)
    object_id: Number
    message_id: Slug


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: Token
    user_id: Number


def secrets_for(given: str | None) -> list[str]:
    """Return the app's client secret. Raises BadInput without one: HubSpot always signs."""
    if not given:
        raise BadInput("HubSpot needs the app's client secret, which it shows with the app's access token.")
    return [given]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return token and user. Raises BadInput without them, or without an address."""
    if not url:
        raise BadInput("HubSpot needs the address of its API, https://api.hubapi.com.")
    return read_credentials(_Credentials, given)


def key(secret: str, endpoint: str) -> str:
    """Return what signs events posted to an endpoint: an address holds no line break."""
    return f"{endpoint}\n{secret}"


def verify(body: bytes, headers: Mapping[str, str], keys: Sequence[str], now: datetime) -> str:
    """Check a request's signature and time; return the name of its first event. Raises NotSignedIn, BadInput."""
    stamp, given = headers.get("x-hubspot-request-timestamp", ""), headers.get("x-hubspot-signature-v3", "")
    if not is_recent(stamp, now, per_second=1000) or not any(
        hmac.compare_digest(given.encode(), _signature(one, stamp, body)) for one in keys
    ):
        raise NotSignedIn(
            "The events' signature or time is not valid for this connection; "
            "FROSTDESK_PUBLIC_URL must be how the address begins that HubSpot posts to."
        )
    events = split(body)
    return events[0][0] if events else body_name(body)


def _signature(one: str, stamp: str, body: bytes) -> bytes:
    endpoint, _, secret = one.partition("\n")
    signed = f"POST{endpoint}".encode() + body + stamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest())


def split(body: bytes) -> list[tuple[str, bytes]]:
    """Return the name and the body of each event of a request, the earliest first. Raises BadInput for too many."""
    return sorted(split_events(read_path(body), _name), key=lambda event: _occurred(event[1]))


def _name(event: bytes) -> str | None:
    """Return what names an event; HubSpot promises of `eventId` alone that it may come twice."""
    message = as_id(read_path(event, "messageId"))
    if message and read_path(event, "subscriptionType") == NEW_MESSAGE:
        return f"message:{message}"[:LONGEST_ID]
    number, thread = as_id(read_path(event, "eventId")), as_id(read_path(event, "objectId"))
    return f"event:{number}:{thread}"[:LONGEST_ID] if number else None


def _occurred(event: bytes) -> int:
    """Return when an event occurred, in milliseconds: those of one request need not be in order."""
    found = read_path(event, "occurredAt")
    return found if isinstance(found, int) else 0


def fetch(connection: Connection, event: bytes) -> Call | None:
    """Return the call that reads the message an event names, None for any other. Raises BadInput."""
    if read_path(event, "subscriptionType") != NEW_MESSAGE or read_path(event, "messageType") not in (None, MESSAGE):
        return None
    named = read_body(_Named, event)
    return _call(connection, named.object_id, "GET", f"/messages/{named.message_id}", None)


def parse(body: bytes) -> Event:
    """Return what a change of a thread, or a fetched message, asks for. Raises BadInput."""
    return _assigned(body) if read_path(body, "subscriptionType") is not None else read_message(body)


def _assigned(event: bytes) -> TakenOver | None:
    """Return to whom a thread is assigned now, if to anybody."""
    changed = read_path(event, "subscriptionType") == CHANGED and read_path(event, "propertyName") == "assignedTo"
    thread, whom = ticket_of(event), as_id(read_path(event, "propertyValue"))
    return TakenOver(thread, whom.removeprefix(AGENT)) if changed and thread and whom else None


def ticket_of(body: bytes) -> str | None:
    """Return the thread an event is about."""
    return as_id(read_path(body, "objectId"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order."""
    return plan_actions(ACTIONS, mode, ticket_id, turn, labels)


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a request of the app, a reply as the bot's user."""
    payload = delivery.payload
    if delivery.action == "hand_off":
        return _call(connection, payload["ticket_id"], "PATCH", "", {"status": "OPEN"})
    said = {"type": "COMMENT", "text": payload["text"], "richText": as_html(payload["text"])}
    if delivery.action == "reply":
        back = {name: told for name, told in payload.items() if name not in ("ticket_id", "text")}
        said |= {"type": MESSAGE, "senderActorId": f"{AGENT}{connection.credentials['user_id']}", **back}
    return _call(connection, payload["ticket_id"], "POST", "/messages", said)


def _call(connection: Connection, thread: str, method: str, path: str, sent: Mapping[str, Any] | None) -> Call:
    url = f"{str(connection.url).rstrip('/')}/conversations/v3/conversations/threads/{thread}{path}"
    headers = {"content-type": "application/json", "authorization": f"Bearer {connection.credentials['token']}"}
    return Call(url, b"" if sent is None else json.dumps(sent, ensure_ascii=False).encode(), headers, method)


def sample(keys: Sequence[str], number: int, now: datetime) -> Call:
    """Return a visitor's message, signed as HubSpot signs. It holds its words: HubSpot cannot be asked for them."""
    said = {"type": MESSAGE, "direction": INCOMING, "text": TEST_TEXT, "senders": [{"actorId": "V-0"}]}
    event = {"eventId": number, "objectId": int(TEST_TICKET), "conversationsThreadId": TEST_TICKET, **said}
    body, stamp = json.dumps([event]).encode(), str(int(now.timestamp() * 1000))
    headers = {
        "content-type": "application/json",
        "x-hubspot-request-timestamp": stamp,
        "x-hubspot-signature-v3": _signature(keys[0], stamp, body).decode(),
    }
    return Call("", body, headers)
