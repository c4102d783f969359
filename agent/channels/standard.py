"""Signed tickets by the Standard Webhooks convention, in both directions.

In: `ticket.created` and `ticket.replied` events with `data: {ticket_id, subject?, text, customer?}`, and
`skill.retrain` with `data: {skill}`.
Out: one `ticket.handled` event per ticket message, with labels, reply and, if a human must take over, why.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from agent.errors import BadInput, NotSignedIn

INCOMING = ("ticket.created", "ticket.replied")
RETRAIN = "skill.retrain"
LONGEST_ID = 200


class TicketData(BaseModel):
    """The part of an incoming event that is read."""

    model_config = ConfigDict(extra="ignore")

    ticket_id: str = Field(min_length=1, max_length=LONGEST_ID, pattern=r"^[^\x00]*$")
    subject: str = Field("", max_length=500)
    text: str = Field(min_length=1, max_length=20_000)


class TicketEvent(BaseModel):
    """An incoming event."""

    model_config = ConfigDict(extra="ignore")

    type: str
    data: dict[str, Any]


class RetrainData(BaseModel):
    """Which skill to retrain."""

    model_config = ConfigDict(extra="ignore")

    skill: str = Field(min_length=1, max_length=100)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A customer's ticket message."""

    ticket_id: str
    text: str


def verify(body: bytes, headers: Mapping[str, str], secrets: list[str]) -> str:
    """Check the signature on the raw bytes; return the event's id. Raises NotSignedIn.

    Any of several secrets may have signed, so that one can be replaced without losing an event.
    """
    names = {name.lower(): value for name, value in headers.items()}
    for secret in secrets:
        try:
            Webhook(secret).verify(body, names, json_parse=False)
        except (WebhookVerificationError, ValueError):  # ValueError: headers or bytes the library trips over
            continue
        return _event_id(names)
    raise NotSignedIn("The event's signature or time is not valid for this connection.")


def parse(body: bytes) -> Ticket | RetrainData | None:
    """Return what a verified event asks for, or None if the event is of another type.

    Raises BadInput for a body that is not such an event.
    """
    try:
        event = TicketEvent.model_validate_json(body)
        if event.type == RETRAIN:
            return RetrainData.model_validate(event.data)
        if event.type not in INCOMING:
            return None
        data = TicketData.model_validate(event.data)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"Event field {'.'.join(map(str, first['loc'])) or 'body'}: {first['msg']}.") from error
    text = f"{data.subject}\n\n{data.text}" if data.subject else data.text
    return Ticket(data.ticket_id, text.replace("\0", ""))  # PostgreSQL stores no null character


def ticket_of(body: bytes) -> str | None:
    """Return the ticket that an event of any type names, however little else of it can be read."""
    try:
        found = json.loads(body)["data"]["ticket_id"]
        ticket = str(found)
        ticket.encode()
    except (ValueError, KeyError, TypeError, RecursionError):  # no JSON, of another shape, or half a character
        return None
    names_one = isinstance(found, str | int) and 0 < len(ticket) <= LONGEST_ID and "\0" not in ticket
    return ticket if names_one else None


def handled(ticket_id: str, turn: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the outgoing event: what the desk says of a ticket message."""
    return {
        "type": "ticket.handled",
        "data": {
            "ticket_id": ticket_id,
            **labels,
            "reply": _with_titles(turn),
            "article": turn["article"],
            "suggestions": turn["suggestions"],
            "escalation": turn["escalation"],
            "conversation_id": turn["conversation_id"],
            "turn_id": turn["turn_id"],
        },
    }


def _with_titles(turn: Mapping[str, Any]) -> str | None:
    """Return the reply as plain text: a ticket has no buttons, so it lists what is suggested."""
    titles = [f"- {article['question']}" for article in turn["suggestions"] if article["question"]]
    return "\n".join([turn["reply"], *titles]) if turn["reply"] else None


def signed(payload: Mapping[str, Any], secret: str, delivery_id: str, at: datetime) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers that sign it."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    signature = Webhook(secret).sign(delivery_id, at, body.decode())
    return body, {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


def _event_id(headers: Mapping[str, str]) -> str:
    event_id = headers["webhook-id"]
    if len(event_id) > LONGEST_ID:
        raise BadInput("The webhook-id is too long.")
    return event_id
