"""What remains of a customer whose data was erased."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from agent.tables.base import Table, primary_key, utc_now


class Erasure(Table):
    """A tombstone: that a customer was erased, when, by whom and how much; only a salted hash of the id."""

    __tablename__ = "erasures"
    __table_args__ = (
        CheckConstraint("subject IN ('visitor', 'conversation')", name="subject"),
        Index("ix_erasures_desk_hash", "desk_id", "id_hash"),
    )

    id: Mapped[str] = primary_key("era")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    subject: Mapped[str]
    id_hash: Mapped[str]
    actor: Mapped[str]
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
