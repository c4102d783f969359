"""From a human's judgement to a new prompt version."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from agent.tables.base import Table, primary_key, utc_now


class Correction(Table):
    """A human's judgement of what a skill decided on a turn: who, when, what it said, what is right.

    A judgement is never changed: a newer one, or its withdrawal, ends it (`ended_at`), and it stays on record.
    `text` is the reviewer's own wording, if it is not the customer's.
    """

    __tablename__ = "corrections"
    __table_args__ = (
        CheckConstraint("action IN ('confirmed', 'relabelled', 'rewritten', 'discarded')", name="action"),
        Index(
            "uq_corrections_one_standing",
            "turn_id",
            "skill_id",
            unique=True,
            sqlite_where=sql("ended_at IS NULL"),
            postgresql_where=sql("ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = primary_key("corr")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    turn_id: Mapped[str] = mapped_column(ForeignKey("turns.id", ondelete="CASCADE"))
    skill_id: Mapped[str] = mapped_column(ForeignKey("skills.id", ondelete="CASCADE"))
    reviewer: Mapped[str]
    action: Mapped[str] = mapped_column(default="relabelled", server_default="relabelled")
    said: Mapped[dict[str, Any]]
    target: Mapped[dict[str, Any]]
    text: Mapped[str | None]
    note: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]


class Example(Table):
    """(text, target) of one skill with its source, group and role; only human-judged ones exist.

    `doubt`: what its neighbours say instead, if they speak against its target; such a row teaches nothing until a
    reviewer has judged it again, which settles it for good ({"settled": reviewer}).
    """

    __tablename__ = "examples"
    __table_args__ = (
        UniqueConstraint("skill_id", "digest"),
        CheckConstraint("role IN ('train', 'calibration', 'gate', 'golden')", name="role"),
        Index("ix_examples_skill_role", "skill_id", "role"),
    )

    id: Mapped[str] = primary_key("ex")
    skill_id: Mapped[str] = mapped_column(ForeignKey("skills.id", ondelete="CASCADE"))
    digest: Mapped[str]
    text: Mapped[str]
    target: Mapped[dict[str, Any]]
    source: Mapped[str]
    group: Mapped[str]
    role: Mapped[str]
    correction_id: Mapped[str | None] = mapped_column(ForeignKey("corrections.id", ondelete="CASCADE"))
    doubt: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Retraining(Table):
    """One run; the row is the job. Every write of a worker carries its attempt number.

    `held`: the gate would promote the candidate, and the desk wants a human's yes first.
    """

    __tablename__ = "retrainings"
    __table_args__ = (
        CheckConstraint(
            "status IN ('queued', 'running', 'held', 'promoted', 'refused', 'failed', 'cancelled')", name="status"
        ),
        Index(
            "uq_retrainings_one_open",
            "skill_id",
            unique=True,
            sqlite_where=sql("status IN ('queued', 'running')"),
            postgresql_where=sql("status IN ('queued', 'running')"),
        ),
    )

    id: Mapped[str] = primary_key("ret")
    skill_id: Mapped[str] = mapped_column(ForeignKey("skills.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(default="queued")
    trigger: Mapped[str]
    actor: Mapped[str]
    seed: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None]
    cancel_asked: Mapped[bool] = mapped_column(default=False)
    snapshot: Mapped[dict[str, Any]] = mapped_column(default=dict)
    erased_examples: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    progress: Mapped[dict[str, Any]] = mapped_column(default=dict)
    candidate_id: Mapped[str | None] = mapped_column(ForeignKey("versions.id"))
    decision: Mapped[dict[str, Any]] = mapped_column(default=dict)
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
