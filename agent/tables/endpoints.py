"""Endpoints of a desk's own, and the events they are told of."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agent.tables.base import Table, primary_key, utc_now


class Endpoint(Table):
    """Where a desk wants to be told of events of some `types` (none named: of all).

    `secrets`: the newest first; events are signed by each. `failing_since`: every attempt since then has failed.
    `rests_until`: it is overloaded, or asked us to wait. A disabled one is told nothing; `disabled_reason` says why.
    """

    __tablename__ = "endpoints"
    __table_args__ = (UniqueConstraint("desk_id", "name"),)

    id: Mapped[str] = primary_key("end")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    name: Mapped[str]
    url: Mapped[str]
    types: Mapped[list[Any]] = mapped_column(default=list)
    secrets: Mapped[list[Any]]
    lease_until: Mapped[datetime | None]
    rests_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class OutboundEvent(Table):
    """One event for one endpoint; `id` is the webhook-id, the same over every attempt.

    An event of a conversation goes with it. `dead`: the last attempt failed, or the endpoint was disabled.
    """

    __tablename__ = "outbound_events"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'sent', 'dead')", name="status"),
        Index("ix_outbound_events_status_due", "status", "due_at"),
        Index("ix_outbound_events_endpoint_happened", "endpoint_id", "status", "happened_at"),
    )

    id: Mapped[str] = primary_key("out")
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoints.id", ondelete="CASCADE"))
    conversation_id: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    type: Mapped[str]
    data: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(default="queued")
    attempt: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=utc_now)
    answer_status: Mapped[int | None]
    error: Mapped[str | None]
    happened_at: Mapped[datetime] = mapped_column(default=utc_now)
    sent_at: Mapped[datetime | None]
