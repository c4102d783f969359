"""Keys, calls that may be repeated, and what one installation keeps for itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agent.tables.base import Table, primary_key, utc_now


class Key(Table):
    """An admin key. Only its hash is kept; `desk_id` None opens the whole installation."""

    __tablename__ = "keys"

    id: Mapped[str] = primary_key("key")
    name: Mapped[str]
    desk_id: Mapped[str | None] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    prefix: Mapped[str] = mapped_column(unique=True)
    hash: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class IdempotentCall(Table):
    """The answer a call with an Idempotency-Key got, so that repeating it is harmless."""

    __tablename__ = "idempotent_calls"
    __table_args__ = (UniqueConstraint("caller", "key"),)

    id: Mapped[str] = primary_key("call")
    caller: Mapped[str]
    key: Mapped[str]
    request_hash: Mapped[str]
    status: Mapped[int]
    answer: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Installation(Table):
    """Values made once for the whole installation, such as the secret that signs visitor tokens."""

    __tablename__ = "installation"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)
