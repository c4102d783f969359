"""Ways in and out: connections to helpdesks, what arrived, what must be delivered."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agent.tables.base import Table, primary_key, utc_now


class Connection(Table):
    """A helpdesk that sends events and takes answers, with the secrets both sides sign by.

    `credentials`: what calls to it need besides its address, such as an account and a token.
    """

    __tablename__ = "connections"
    __table_args__ = (
        UniqueConstraint("desk_id", "name"),
        CheckConstraint("mode IN ('answer', 'draft', 'label', 'watch')", name="mode"),
    )

    id: Mapped[str] = primary_key("con")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="standard")
    secrets: Mapped[list[Any]] = mapped_column(default=list)
    url: Mapped[str | None]
    mode: Mapped[str] = mapped_column(default="answer", server_default="answer")
    credentials: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class InboundEvent(Table):
    """One verified event, stored once (a replay finds the row and changes nothing)."""

    __tablename__ = "inbound_events"
    __table_args__ = (
        UniqueConstraint("connection_id", "event_id"),
        CheckConstraint("status IN ('queued', 'running', 'handled', 'ignored', 'failed')", name="status"),
        Index("ix_inbound_events_status", "status", "received_at"),
        Index("ix_inbound_events_ticket", "connection_id", "ticket_id"),
    )

    id: Mapped[str] = primary_key("evt")
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    event_id: Mapped[str]
    ticket_id: Mapped[str | None]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[str] = mapped_column(default="queued")
    attempt: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    error: Mapped[str | None]
    turn_id: Mapped[str | None] = mapped_column(ForeignKey("turns.id", ondelete="SET NULL"))
    received_at: Mapped[datetime] = mapped_column(default=utc_now)
    handled_at: Mapped[datetime | None]


class Delivery(Table):
    """Something that must reach a helpdesk; `id` is the webhook-id, the same over every attempt.

    `skipped`: it need not any more, and `error` says why.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("inbound_event_id", "position"),
        CheckConstraint("status IN ('queued', 'sent', 'skipped', 'dead')", name="status"),
        Index("ix_deliveries_status_due", "status", "due_at"),
    )

    id: Mapped[str] = primary_key("dlv")
    connection_id: Mapped[str] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    inbound_event_id: Mapped[str | None] = mapped_column(ForeignKey("inbound_events.id", ondelete="SET NULL"))
    position: Mapped[int] = mapped_column(default=0, server_default="0")
    action: Mapped[str] = mapped_column(default="handled", server_default="handled")
    payload: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(default="queued")
    attempt: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=utc_now)
    lease_until: Mapped[datetime | None]
    answer_status: Mapped[int | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    sent_at: Mapped[datetime | None]
