"""Front's conversations: the webhooks of an app, or of a rule, in, the Core API out.

An app's webhook is signed by HMAC-SHA256 (base64) over "{milliseconds}:{body}", a rule's by HMAC-SHA1 (base64) over
the body, without a time: an old one that is posted again is known by its id. Which parts are verified stands in
docs/channels/front.md.
"""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field

from agent.channels.actions import plan_actions
from agent.channels.bodies import LONGEST_ID, Token, as_id, body_name, read_body, read_credentials, read_path
from agent.channels.calls import bearer, json_call
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, TakenOver
from agent.channels.markup import as_html, plain_text, with_subject
from agent.channels.signatures import is_recent
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "cnv_0"
ACTIONS = frozenset({"reply", "note", "hand_off"})
"""A tag is set by the id it has in one company, so labels become a note."""
HEARD = ("inbound", "inbound_received")
"""What an event's type is called in the API, and in an app's webhooks."""
SAID = ("outbound", "out_reply", "outbound_sent")
ASSIGNED = ("assign", "assignee_changed")
STAMP = "x-front-request-timestamp"


def _either(*path: str) -> AliasChoices:
    """Return where something stands in an app's webhook, which has a frame, or else in a rule's."""
    return AliasChoices(AliasPath("payload", *path), AliasPath(*path))


class _Teammate(BaseModel):
    id: str = Field(max_length=LONGEST_ID)


class _Conversation(BaseModel):
    id: str = Field(pattern=r"^cnv_[0-9a-z]{1,40}$")
    assignee: _Teammate | None = None
    created_at: float | None = None


class _Message(BaseModel):
    """What a message holds that is read; a preview has neither `text` nor `body`."""

    is_inbound: bool = False
    author: _Teammate | None = None
    created_at: float | None = None
    subject: str | None = None
    text: str | None = Field(None, max_length=200_000)
    body: str | None = Field(None, max_length=200_000)


class _Event(BaseModel):
    conversation: _Conversation = Field(validation_alias=_either("conversation"))


class _Assigned(_Event):
    teammate: _Teammate | None = Field(None, validation_alias=_either("target", "data"))


class _Said(_Event):
    message: _Message | None = Field(None, validation_alias=_either("target", "data"))


class _Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: Token
    user_id: Annotated[str, Field(pattern=r"^tea_[0-9a-z]{1,40}$")]
    inbox_id: Annotated[str, Field(pattern=r"^inb_[0-9a-z]{1,40}$")] | None = None


def secrets_for(given: str | None) -> list[str]:
    """Return the app's signing key, or a rule's secret. Raises BadInput without one: Front always signs."""
    if not given:
        raise BadInput("Front needs the app's signing key, which its developer settings show.")
    return [given]


def check_credentials(given: Mapping[str, Any], url: str | None) -> dict[str, Any]:
    """Return token, teammate and inbox. Raises BadInput without the first two, or without an address."""
    if not url:
        raise BadInput("Front needs the address of its API, such as https://api2.frontapp.com.")
    return read_credentials(_Credentials, given)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> str:
    """Check an event's signature and, of an app's, its time; return its id, or the digest of one without.

    Raises NotSignedIn.
    """
    given, stamp = headers.get("x-front-signature", "").encode(), headers.get(STAMP)
    timely = stamp is None or is_recent(stamp, now, per_second=1000)
    signatures = [_signature(secret, stamp, body).encode() for secret in secrets]
    if not timely or not any(hmac.compare_digest(given, signature) for signature in signatures):
        raise NotSignedIn("The event's signature or time is not valid for this connection.")
    named = as_id(read_path(body, "payload", "id")) or as_id(read_path(body, "id"))
    return named or body_name(body)


def _signature(secret: str, stamp: str | None, body: bytes) -> str:
    """Return what Front says of an app's webhook, or of a rule's, which has no time."""
    if stamp is None:
        digest = hmac.digest(secret.encode(), body, "sha1")
    else:
        digest = hmac.digest(secret.encode(), stamp.encode() + b":" + body, "sha256")
    return base64.b64encode(digest).decode()


def challenge(body: bytes, headers: Mapping[str, str]) -> dict[str, str] | None:
    """Return the answer Front waits for before it stores an address, None if it asks nothing."""
    asked = headers.get("x-front-challenge")
    return {"challenge": asked} if asked and read_path(body, "type") == "sync" else None


def parse(body: bytes) -> Event:
    """Return what an event asks for: a customer's words, or a teammate at work.

    Raises BadInput, also for a preview: what it leaves out would have to be answered.
    """
    kind = read_path(body, "payload", "type") or read_path(body, "type")
    if kind in ASSIGNED:
        assigned = read_body(_Assigned, body)
        return TakenOver(assigned.conversation.id, assigned.teammate.id) if assigned.teammate else None
    if kind not in (*HEARD, *SAID):
        return None
    event = read_body(_Said, body)
    message, conversation = event.message, event.conversation
    if message is None or not message.model_fields_set & {"text", "body"}:
        raise BadInput("The event is a preview without the message: let Front send the full event.")
    if kind in SAID:  # by nobody: a rule's own words
        return TakenOver(conversation.id, message.author.id) if message.author else None
    said = message.text or plain_text(message.body or "")
    if not message.is_inbound or not said.strip():
        return None
    text = with_subject(message.subject if _is_first(message, conversation) else None, said)
    return Heard(conversation.id, text, assignee=conversation.assignee.id if conversation.assignee else None)


def _is_first(message: _Message, conversation: _Conversation) -> bool:
    """Return whether a conversation came to be by this message, whose subject nobody has read yet."""
    return (conversation.created_at or 0.0) >= (message.created_at or 0.0) > 0.0


def ticket_of(body: bytes) -> str | None:
    """Return the conversation an event is about."""
    return as_id(read_path(body, "payload", "conversation", "id")) or as_id(read_path(body, "conversation", "id"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return what is to be sent for a turn, in order."""
    return plan_actions(ACTIONS, mode, ticket_id, turn, labels)


def call(connection: Connection, delivery: Delivery, _now: datetime) -> Call:
    """Spell one delivery as a request of the bot's teammate."""
    payload, access = delivery.payload, connection.credentials
    url, method = f"{str(connection.url).rstrip('/')}/conversations/{payload['ticket_id']}", "POST"
    sent: dict[str, Any]
    match delivery.action:
        case "hand_off":
            inbox = {"inbox_id": access["inbox_id"]} if access["inbox_id"] else {}
            sent, method = {"assignee_id": None, "status": "open", **inbox}, "PATCH"
        case "note":
            url, sent = f"{url}/comments", {"author_id": access["user_id"], "body": payload["text"]}
        case _:
            text = payload["text"]
            said = {"body": as_html(text), "text": text, "options": {"archive": False}}
            url, sent = f"{url}/messages", {"author_id": access["user_id"], **said}
    return json_call(url, sent, bearer(access["token"]), method)


def sample(secrets: Sequence[str], number: int, now: datetime) -> Call:
    """Return a customer's message as an app's webhook sends it."""
    message = {"is_inbound": True, "author": None, "text": TEST_TEXT}
    event = {"id": f"test-{number}", "conversation": {"id": TEST_TICKET}, "target": {"data": message}}
    body = json.dumps({"type": "inbound_received", "payload": {"type": "inbound", **event}}).encode()
    stamp = str(int(now.timestamp() * 1000))
    signed = {STAMP: stamp, "x-front-signature": _signature(secrets[0], stamp, body)}
    return Call("", body, {"content-type": "application/json", **signed})
