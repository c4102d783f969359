"""A desk's endpoints and what they are told."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from agent.api.schemas.base import Name, Request, Schema
from agent.outbound import EventType

URL = "Where events are posted, by https"
TYPES = "Only these types; an empty list: all"


class EndpointRequest(Request):
    """Where to tell a desk's own server of events."""

    name: Name
    url: str = Field(description=URL, max_length=2000)
    types: list[EventType] = Field([], description=TYPES, max_length=50)


class EndpointChange(Request):
    """What to change; what is left out stays."""

    url: str | None = Field(None, description=URL, max_length=2000)
    types: list[EventType] | None = Field(None, description=TYPES, max_length=50)
    enabled: bool | None = Field(
        None, description="false: it is told nothing, and what waits is dead; true: it is told what happens from now on"
    )


class EndpointView(Schema):
    """An endpoint, without its secret."""

    id: str
    name: str
    url: str
    types: list[str] = Field(description="An empty list: all")
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    failing_since: datetime | None = Field(description="Every attempt since then has failed")
    waiting: int = Field(description="Events that are still to arrive")
    dead: int = Field(description="Events that did not arrive and are not tried any more")
    created_at: datetime


class NewEndpoint(EndpointView):
    """An endpoint with a new secret: the only time it can be read."""

    secret: str = Field(description="`whsec_...`, for any library of Standard Webhooks")


class OutboundEventView(Schema):
    """An event that an endpoint was told of, or is to be told of."""

    id: str = Field(description="The `webhook-id`, the same over every attempt")
    type: str
    data: dict[str, Any]
    status: Literal["queued", "sent", "dead"]
    attempt: int
    answer_status: int | None
    error: str | None
    happened_at: datetime
    due_at: datetime
    sent_at: datetime | None


class ResendRequest(Request):
    """What to send again."""

    event: str | None = Field(None, description="One event that has not arrived; none: all dead ones", max_length=100)


class ResendAnswer(Schema):
    """How many events will be sent again."""

    queued: int
