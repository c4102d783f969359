"""Conversations and everything that was said, decided and handed over in them."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from agent.tables.base import Table, primary_key, utc_now


class Conversation(Table):
    """A customer's thread on a channel; `owner` is who answers next.

    `reopened_at`: when its customer last wrote again after it was closed. `rating`, `remark`: what they thought of it.
    `email`: where they may be answered when they are gone.
    """

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("connection_id", "external_id"),
        CheckConstraint("owner IN ('bot', 'human')", name="owner"),
        CheckConstraint("status IN ('open', 'closed')", name="status"),
        CheckConstraint("rating IN ('terrible', 'bad', 'ok', 'good', 'amazing')", name="rating"),
        Index("ix_conversations_desk_updated", "desk_id", "updated_at"),
    )

    id: Mapped[str] = primary_key("conv")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    channel: Mapped[str]
    visitor_id: Mapped[str | None]
    connection_id: Mapped[str | None] = mapped_column(ForeignKey("connections.id", ondelete="SET NULL"))
    external_id: Mapped[str | None]
    owner: Mapped[str] = mapped_column(default="bot")
    status: Mapped[str] = mapped_column(default="open")
    last_seq: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    reopened_at: Mapped[datetime | None]
    rating: Mapped[str | None]
    remark: Mapped[str | None]
    email: Mapped[str | None]


class Message(Table):
    """One utterance. `seq` orders a conversation; `client_id` makes a repeated post harmless."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "client_id"),
        CheckConstraint("author IN ('customer', 'bot', 'human')", name="author"),
    )

    id: Mapped[str] = primary_key("msg")
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    seq: Mapped[int]
    author: Mapped[str]
    text: Mapped[str]
    client_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Turn(Table):
    """What was decided about one customer message, with every prompt version that had a say.

    `shadow`: what candidates on trial would have said instead; nobody was shown it.
    """

    __tablename__ = "turns"
    __table_args__ = (
        CheckConstraint(
            "outcome IN ('answered', 'said', 'asked_back', 'out_of_scope', 'no_answer', "
            "'escalated', 'warned', 'silent', 'labelled')",
            name="outcome",
        ),
        Index("ix_turns_desk_created", "desk_id", "created_at"),
    )

    id: Mapped[str] = primary_key("turn")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    reply_id: Mapped[str | None] = mapped_column(ForeignKey("messages.id", ondelete="SET NULL"))
    read_as: Mapped[str]
    intent: Mapped[str | None]
    confidence: Mapped[float | None]
    leads_to: Mapped[str | None]
    outcome: Mapped[str]
    article: Mapped[str | None]
    suggestions: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    verdicts: Mapped[list[Any]] = mapped_column(default=list)
    versions: Mapped[dict[str, Any]] = mapped_column(default=dict)
    shadow: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    failed: Mapped[bool] = mapped_column(default=False)
    audit: Mapped[bool] = mapped_column(default=False)
    rating: Mapped[str | None]
    rating_comment: Mapped[str | None]
    milliseconds: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Escalation(Table):
    """A conversation handed to a human: why, because of what, and what they need to know."""

    __tablename__ = "escalations"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'given_back', 'closed')", name="status"),
        Index(
            "uq_escalations_one_open",
            "conversation_id",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
    )

    id: Mapped[str] = primary_key("esc")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    turn_id: Mapped[str] = mapped_column(ForeignKey("turns.id", ondelete="CASCADE"))
    reason: Mapped[str]
    verdict: Mapped[dict[str, Any] | None]
    first_request: Mapped[str]
    last_request: Mapped[str]
    articles_tried: Mapped[list[Any]] = mapped_column(default=list)
    mood: Mapped[dict[str, Any]] = mapped_column(default=dict)
    summary: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")
    opened_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]
