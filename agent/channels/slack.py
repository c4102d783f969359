"""Slack's channels: message events in, answers in the thread out, notes in a channel of the colleagues.

A thread is a ticket, and whoever began it the customer. Events are signed by HMAC-SHA256 over "v0:{timestamp}:{body}".
Slack answers 200 to whatever it is sent, and says in the answer whether it was done. Which parts are verified stands
in docs/channels/slack.md.
"""

import hashlib
import hmac
import html
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from agent.channels.actions import plan_actions
from agent.channels.bodies import LONGEST_ID, Token, as_id, body_name, read_body, read_credentials, read_path
from agent.channels.calls import bearer, json_call
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, TakenOver
from agent.channels.markup import with_subject
from agent.channels.signatures import is_recent
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "C0:0.0"
ACTIONS = frozenset({"reply", "note", "hand_off"})
"""A message has no labels, so they become a note."""
SLACKBOT = "USLACKBOT"
"""Slack's own bot, whose messages look like a human's."""
TO_ONE = "im"
"""The type of a channel between the app and one human."""
REFERENCE = re.compile(r"<(?:[@#!][^<>|]*|([^<>|]*))(?:\|([^<>]*))?>")
"""A mention, which is left out if it has no name, or a link."""
ChannelId = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,20}$")]
Stamp = Annotated[str, Field(pattern=r"^[0-9]{1,12}\.[0-9]{1,9}$")]
"""What names a message within its channel."""


class _Message(BaseModel):
    channel: ChannelId
    channel_type: str | None = None
    ts: Stamp
    thread_ts: Stamp | None = None
    user: str = Field(max_length=LONGEST_ID)
    parent_user_id: str | None = None
    text: str | None = Field(None, max_length=200_000)


class _Callback(BaseModel):
    event: _Message


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: Token
    notes_channel: ChannelId | None = None


def secrets_for(given: str | None) -> list[str]:
    """Return the app's signing secret. Raises BadInput without one: Slack always signs."""
    if not given:
        raise BadInput("Slack needs the app's signing secret, which stands under Basic Information.")
    return [given]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return token and channel for notes. Raises BadInput without the first, or without an address."""
    if not url:
        raise BadInput("Slack needs its address, such as https://slack.com.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> str:
    """Check an event's signature and time; return its id, or the digest of one without. Raises NotSignedIn.

    What Slack posts again has the same id.
    """
    stamp, given = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "").encode()
    signatures = [_signature(secret, stamp, body).encode() for secret in secrets]
    if not is_recent(stamp, now) or not any(hmac.compare_digest(given, signature) for signature in signatures):
        raise NotSignedIn("The event's signature or time is not valid for this connection.")
    return as_id(read_path(body, "event_id")) or body_name(body)


def _signature(secret: str, stamp: str, body: bytes) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def challenge(body: bytes, _headers: Mapping[str, str]) -> dict[str, str] | None:
    """Return the answer Slack waits for before it stores an address, None if it asks nothing."""
    asked = read_path(body, "challenge")
    return {"challenge": asked} if isinstance(asked, str) and read_path(body, "type") == "url_verification" else None


def parse(body: bytes) -> Event:
    """Return what an event asks for: a customer's words, or a colleague in a customer's thread. Raises BadInput."""
    if read_path(body, "type") != "event_callback" or read_path(body, "event", "type") != "message":
        return None
    machine = read_path(body, "event", "bot_id") or read_path(body, "event", "subtype")
    if machine or read_path(body, "event", "user") in (None, SLACKBOT):
        return None
    said = read_body(_Callback, body).event
    ticket = f"{said.channel}:{said.thread_ts or said.ts}"
    begun = said.thread_ts in (None, said.ts)
    if not begun and said.channel_type != TO_ONE and said.user != said.parent_user_id:
        return TakenOver(ticket, said.user)
    text = _words(said.text or "")
    return Heard(ticket, text, place=said.channel) if text else None


def _words(text: str) -> str:
    """Return the plain text of a message: links and named mentions as they are shown, other mentions not at all."""
    shown = REFERENCE.sub(lambda found: found[2] or found[1] or "", text)
    return with_subject(None, html.unescape(shown))


def ticket_of(body: bytes) -> str | None:
    """Return the thread a message belongs to, or begins."""
    channel = as_id(read_path(body, "event", "channel"))
    thread = as_id(read_path(body, "event", "thread_ts")) or as_id(read_path(body, "event", "ts"))
    return as_id(f"{channel}:{thread}") if channel and thread else None


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order."""
    return plan_actions(ACTIONS, mode, ticket_id, turn, labels)


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a message of the app: a reply in the thread, all else where the colleagues are.

    Raises BadInput without a channel for notes: everybody in the customer's channel would read them.
    """
    payload, access = delivery.payload, connection.credentials
    channel, thread = payload["ticket_id"].split(":")
    base = str(connection.url).rstrip("/")
    text = html.escape(payload.get("text", "A human is needed here."), quote=False)
    if delivery.action == "reply":
        sent = {"channel": channel, "thread_ts": thread, "text": text}
    elif access["notes_channel"] is None:
        raise BadInput("The connection has nowhere to send this to.")
    else:
        link = f"{base}/archives/{channel}/p{thread.replace('.', '')}"
        sent = {"channel": access["notes_channel"], "text": f"{link}\n{text}"}
    headers = {"content-type": "application/json; charset=utf-8", **bearer(access["token"])}
    return json_call(f"{base}/api/chat.postMessage", {**sent, "mrkdwn": False}, headers)


def refusal(answer: bytes) -> str | None:
    """Return what Slack's answer to a call says went wrong, None if it was done."""
    if read_path(answer, "ok") is True:
        return None
    error = read_path(answer, "error")
    named = isinstance(error, str) and re.fullmatch(r"[a-z_]{1,60}", error)
    return f"Slack answered {error}." if named else "Slack answered nothing that can be read."


def sample(secrets: Sequence[str], number: int, now: datetime) -> Call:
    """Return a customer's message as Slack sends it."""
    channel, ts = TEST_TICKET.split(":")
    event = {"type": "message", "channel": channel, "user": "U0", "text": TEST_TEXT, "ts": ts}
    body = json.dumps({"type": "event_callback", "event_id": f"test-{number}", "event": event}).encode()
    stamp = str(int(now.timestamp()))
    signed = {"x-slack-request-timestamp": stamp, "x-slack-signature": _signature(secrets[0], stamp, body)}
    return Call("", body, {"content-type": "application/json", **signed})
