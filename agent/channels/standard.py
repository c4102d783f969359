"""Signed tickets by the Standard Webhooks convention, in both directions.

In: `ticket.created` and `ticket.replied` events with `data: {ticket_id, subject?, text, customer?}`, and
`skill.retrain` with `data: {skill}`.
Out: one `ticket.handled` event per ticket message, with labels, reply and, if a human must take over, why.
"""

import base64
import binascii
import json
import secrets as randomness
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from agent.channels.actions import reply_text
from agent.channels.bodies import LONGEST_ID, as_id, read_path
from agent.channels.channel import TEST_TEXT, Call, Event, Heard, Mode, Planned, Retrain
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery

BUSY = 503
TEST_TICKET = "frostdesk-test"
INCOMING = ("ticket.created", "ticket.replied")
RETRAIN = "skill.retrain"
SECRET_BYTES = (24, 64)


class TicketData(BaseModel):
    """The part of an incoming event that is read."""

    ticket_id: str = Field(min_length=1, max_length=LONGEST_ID, pattern=r"^[^\x00]*$")
    subject: str = Field("", max_length=500)
    text: str = Field(min_length=1, max_length=20_000)


class TicketEvent(BaseModel):
    """An incoming event."""

    type: str
    data: dict[str, Any]


class RetrainData(BaseModel):
    """Which skill to retrain."""

    skill: str = Field(min_length=1, max_length=100)


def secrets_for(given: str | None) -> list[str]:
    """Return the given secret, or a new one. Raises BadInput for one of another form."""
    secret = given or f"whsec_{base64.b64encode(randomness.token_bytes(32)).decode()}"
    try:
        length = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadInput("A secret is 'whsec_' followed by base64.") from error
    if not secret.startswith("whsec_") or not SECRET_BYTES[0] <= length <= SECRET_BYTES[1]:
        raise BadInput("A secret is 'whsec_' followed by the base64 of 24 to 64 bytes.")
    return [secret]


def check_credentials(given: Mapping[str, Any], _url: str | None) -> dict[str, Any]:
    """Return nothing: both sides sign. Raises BadInput if there is more."""
    if given:
        raise BadInput(f"A standard connection takes no credentials ('{min(given)}').")
    return {}


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], _now: datetime) -> str:
    """Check the signature on the raw bytes; return the event's id. Raises NotSignedIn.

    Any of several secrets may have signed, so that one can be replaced without losing an event.
    """
    for secret in secrets:
        try:
            Webhook(secret).verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError):  # ValueError: headers or bytes the library trips over
            continue
        return _event_id(headers)
    raise NotSignedIn("The event's signature or time is not valid for this connection.")


def parse(body: bytes) -> Event:
    """Return what a verified event asks for, or None if the event is of another type.

    Raises BadInput for a body that is not such an event.
    """
    try:
        event = TicketEvent.model_validate_json(body)
        if event.type == RETRAIN:
            return Retrain(RetrainData.model_validate(event.data).skill)
        if event.type not in INCOMING:
            return None
        data = TicketData.model_validate(event.data)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"Event field {'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}.") from error
    text = f"{data.subject}\n\n{data.text}" if data.subject else data.text
    return Heard(data.ticket_id, text.replace("\0", ""))  # PostgreSQL stores no null character


def ticket_of(body: bytes) -> str | None:
    """Return the ticket that an event of any type names, however little else of it can be read."""
    return as_id(read_path(body, "data", "ticket_id"))


def plan(mode: Mode, ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> list[Planned]:
    """Return one event that says everything of a turn that the mode allows; its receiver decides what to do."""
    if mode == "watch":
        return []
    reply = reply_text(turn)
    data = {
        "ticket_id": ticket_id,
        **labels,
        "reply": reply if mode == "answer" else None,
        "draft": reply if mode == "draft" else None,
        "article": turn["article"] if mode != "label" else None,
        "suggestions": turn["suggestions"] if mode != "label" else [],
        "escalation": turn["escalation"] if mode != "label" else None,
        "conversation_id": turn["conversation_id"],
        "turn_id": turn["turn_id"],
    }
    return [Planned("handled", {"type": "ticket.handled", "data": data})]


def call(connection: Connection, delivery: Delivery, now: datetime) -> Call:
    """Sign one delivery; its id is the webhook-id, the same over every attempt."""
    body, headers = signed(delivery.payload, connection.secrets, delivery.id, now)
    return Call(str(connection.url), body, headers)


def sample(secrets: Sequence[str], number: int, now: datetime) -> Call:
    """Return a customer's ticket as a helpdesk would send it."""
    data = {"ticket_id": TEST_TICKET, "text": TEST_TEXT}
    body, headers = signed({"type": "ticket.created", "data": data}, secrets, f"test-{number}", now)
    return Call("", body, headers)


def signed(
    payload: Mapping[str, Any], secrets: Sequence[str], webhook_id: str, at: datetime
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers that sign it: by each secret, so that a receiver may know one of them."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    signatures = [Webhook(secret).sign(webhook_id, at, body.decode()) for secret in secrets]
    return body, {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _event_id(headers: Mapping[str, str]) -> str:
    event_id = headers["webhook-id"]
    if len(event_id) > LONGEST_ID:
        raise BadInput("The webhook-id is too long.")
    return event_id
