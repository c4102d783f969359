"""Desks, what they know and what they do about it."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from agent.tables.base import Table, primary_key, utc_now

ACTIONS = ("faq", "label", "hand_over", "say", "ask_back", "silent", "follow_up")


class Desk(Table):
    """One support team. `revision` counts every change a running process must notice.

    `identity_secret`: by which its site says who a visitor is; None: all are anonymous.
    """

    __tablename__ = "desks"

    id: Mapped[str] = primary_key("desk")
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    site_key: Mapped[str] = mapped_column(unique=True)
    allowed_origins: Mapped[list[Any]] = mapped_column(default=list)
    texts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    policy: Mapped[dict[str, Any]] = mapped_column(default=dict)
    identity_secret: Mapped[str | None]
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Intent(Table):
    """A row of the desk's table from intent to what is done about it."""

    __tablename__ = "intents"
    __table_args__ = (
        UniqueConstraint("desk_id", "name"),
        CheckConstraint("action IN ('" + "', '".join(ACTIONS) + "')", name="action"),
    )

    id: Mapped[str] = primary_key("int")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    action: Mapped[str]
    reply: Mapped[str | None]
    position: Mapped[int] = mapped_column(default=0)


class Article(Table):
    """One FAQ entry."""

    __tablename__ = "articles"
    __table_args__ = (UniqueConstraint("desk_id", "slug"),)

    id: Mapped[str] = primary_key("art")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    slug: Mapped[str]
    question: Mapped[str]
    answer: Mapped[str]
    link: Mapped[str | None]
    phrasings: Mapped[list[Any]] = mapped_column(default=list)
    position: Mapped[int] = mapped_column(default=0)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
