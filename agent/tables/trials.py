"""A candidate on trial: first in the shadow of the live version, then answering a share of the conversations."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from agent.tables.base import Table, primary_key, utc_now

ON_TRIAL = ("shadow", "canary")
"""Stages in which a candidate reads messages."""


class Trial(Table):
    """One candidate's way to promotion over live traffic; `figures` is what each stage has shown so far.

    `against_id` is the version that was live when it began: a trial ends when another one goes live.
    """

    __tablename__ = "trials"
    __table_args__ = (
        CheckConstraint(
            "stage IN ('shadow', 'canary', 'passed', 'promoted', 'returned', 'stopped')",
            name="stage",
        ),
        Index(
            "uq_trials_one_open",
            "skill_id",
            unique=True,
            sqlite_where=text("stage IN ('shadow', 'canary')"),
            postgresql_where=text("stage IN ('shadow', 'canary')"),
        ),
    )

    id: Mapped[str] = primary_key("trial")
    skill_id: Mapped[str] = mapped_column(ForeignKey("skills.id", ondelete="CASCADE"))
    version_id: Mapped[str] = mapped_column(ForeignKey("versions.id"))
    against_id: Mapped[str] = mapped_column(ForeignKey("versions.id"))
    stage: Mapped[str]
    share: Mapped[float]
    shadow_turns: Mapped[int]
    canary_conversations: Mapped[int]
    actor: Mapped[str]
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    stage_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]
