"""Outbound events: what a desk's own endpoints are told of, written in the transaction of what they tell of.

They hold ids, names and reasons, never a customer's words.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, get_args

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from agent.channels import CHANNELS
from agent.database import nudge_after
from agent.tables import Conversation, Endpoint, OutboundEvent, utc_now

EventType = Literal[
    "conversation.escalated",
    "conversation.given_back",
    "conversation.closed",
    "conversation.reopened",
    "conversation.rated",
    "turn.answered",
    "turn.unanswered",
    "turn.rated",
    "skill.promoted",
    "skill.rolled_back",
    "retraining.held",
    "retraining.refused",
    "retraining.failed",
    "endpoint.disabled",
]
"""What an endpoint may choose (docs/guides/events.md)."""
TYPES: frozenset[str] = frozenset(get_args(EventType))
TEST = "endpoint.test"
SENT_KEPT, DEAD_KEPT = timedelta(days=7), timedelta(days=30)
AT_ONCE = 1000


def tell(
    session: Session, desk_id: str, kind: EventType, data: Mapping[str, Any], conversation_id: str | None = None
) -> None:
    """Write an event for each endpoint of the desk that wants it; workers hear of them after the commit."""
    enabled = select(Endpoint).where(Endpoint.desk_id == desk_id, Endpoint.disabled_at.is_(None))
    for endpoint in session.scalars(enabled):
        if not endpoint.types or kind in endpoint.types:
            write_event(session, endpoint, kind, data, conversation_id)


def tell_of(session: Session, conversation: Conversation, kind: EventType, **data: Any) -> None:  # noqa: ANN401 - JSON
    """Write an event of a conversation, unless it only tries a connection out."""
    channel = CHANNELS.get(conversation.channel)
    if channel is not None and conversation.external_id == channel.TEST_TICKET:
        return
    known = {
        "conversation_id": conversation.id,
        "channel": conversation.channel,
        "ticket_id": conversation.external_id,
    }
    tell(session, conversation.desk_id, kind, {**known, **data}, conversation.id)


def write_event(
    session: Session, endpoint: Endpoint, kind: str, data: Mapping[str, Any], conversation_id: str | None = None
) -> OutboundEvent:
    """Write an event for one endpoint."""
    row = OutboundEvent(endpoint_id=endpoint.id, conversation_id=conversation_id, type=kind, data=dict(data))
    session.add(row)
    session.flush()
    nudge_after(session, "send_events", endpoint.id)
    return row


def content_of(event: OutboundEvent) -> dict[str, Any]:
    """Return the body that is sent."""
    at = event.happened_at.isoformat().replace("+00:00", "Z")
    return {"type": event.type, "timestamp": at, "data": event.data}


def due_endpoints(session: Session, limit: int) -> list[str]:
    """Return the endpoints to which something is due and that nobody sends to at the moment."""
    now = utc_now()
    statement = (
        select(Endpoint.id)
        .join(OutboundEvent)
        .where(OutboundEvent.status == "queued", OutboundEvent.due_at <= now, Endpoint.disabled_at.is_(None))
        .where(*(or_(until.is_(None), until < now) for until in (Endpoint.lease_until, Endpoint.rests_until)))
    )
    return list(session.scalars(statement.distinct().limit(limit)))


def forget_old(session: Session) -> None:
    """Delete events that arrived a week ago, or that nobody sent again for a month."""
    for status, kept in (("sent", SENT_KEPT), ("dead", DEAD_KEPT)):
        old = select(OutboundEvent.id).where(OutboundEvent.status == status, OutboundEvent.due_at < utc_now() - kept)
        session.execute(delete(OutboundEvent).where(OutboundEvent.id.in_(old.limit(AT_ONCE))))
