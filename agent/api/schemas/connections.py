"""Helpdesk connections and deliveries."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from agent.api.schemas.base import Name, Schema


class ConnectionRequest(Schema):
    """Connect a helpdesk by Standard Webhooks."""

    name: Name
    url: str | None = Field(None, description="Where answers are posted; none: events are only stored and read")
    secret: str | None = Field(None, description="`whsec_...`; left out: one is made", max_length=200)


class ConnectionView(Schema):
    """A helpdesk's connection, without its secret."""

    id: str
    name: str
    kind: str
    url: str | None
    endpoint: str = Field(description="Where the helpdesk posts its events")
    created_at: datetime


class NewConnection(ConnectionView):
    """A connection just made: the only time its secret can be read."""

    secret: str


class DeliveryView(Schema):
    """Something sent, or to be sent, to a helpdesk."""

    id: str
    connection: str
    conversation_id: str
    status: Literal["queued", "sent", "dead"]
    attempt: int
    payload: dict[str, Any]
    answer_status: int | None
    error: str | None
    due_at: datetime
    sent_at: datetime | None


class Accepted(Schema):
    """An event was stored."""

    status: Literal["accepted", "known"]
