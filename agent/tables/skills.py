"""Skills, the versions of their prompts, and which version answers."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from agent.tables.base import Table, primary_key, utc_now


class Skill(Table):
    """A named capability of a desk. `live_version_id` is the pointer that a promotion moves.

    Retrainings that nobody asked for by name open after `retrain_after` corrections or every `retrain_hours` (0:
    never), and not within `rest_minutes` of a promotion.
    """

    __tablename__ = "skills"
    __table_args__ = (UniqueConstraint("desk_id", "name"),)

    id: Mapped[str] = primary_key("skill")
    desk_id: Mapped[str] = mapped_column(ForeignKey("desks.id", ondelete="CASCADE"))
    name: Mapped[str]
    kind: Mapped[str]
    labels: Mapped[dict[str, Any]] = mapped_column(default=dict)
    retrain_after: Mapped[int] = mapped_column(default=20)
    retrain_hours: Mapped[int] = mapped_column(default=0, server_default="0")
    rest_minutes: Mapped[int] = mapped_column(default=60, server_default="60")
    live_version_id: Mapped[str | None] = mapped_column(
        ForeignKey("versions.id", use_alter=True, name="fk_skills_live_version_id_versions")
    )
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Artefact(Table):
    """The bytes of record of a soft prompt, named by digest; written once."""

    __tablename__ = "artefacts"

    digest: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Version(Table):
    """A PromptVersion: which prompt, how it scored, where it came from."""

    __tablename__ = "versions"
    __table_args__ = (
        UniqueConstraint("skill_id", "number"),
        CheckConstraint("status IN ('candidate', 'live', 'retired', 'rejected')", name="status"),
        Index(
            "uq_versions_one_live",
            "skill_id",
            unique=True,
            sqlite_where=text("status = 'live'"),
            postgresql_where=text("status = 'live'"),
        ),
    )

    id: Mapped[str] = primary_key("ver")
    skill_id: Mapped[str] = mapped_column(ForeignKey("skills.id", ondelete="CASCADE"))
    number: Mapped[int]
    digest: Mapped[str] = mapped_column(ForeignKey("artefacts.digest"))
    fingerprint: Mapped[str]
    status: Mapped[str] = mapped_column(default="candidate")
    scorecard: Mapped[dict[str, Any]] = mapped_column(default=dict)
    lineage: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Promotion(Table):
    """One move of a live pointer; never changed, so the history can be read back."""

    __tablename__ = "promotions"

    id: Mapped[str] = primary_key("prom")
    skill_id: Mapped[str] = mapped_column(ForeignKey("skills.id", ondelete="CASCADE"))
    from_version_id: Mapped[str | None] = mapped_column(ForeignKey("versions.id"))
    to_version_id: Mapped[str] = mapped_column(ForeignKey("versions.id"))
    retraining_id: Mapped[str | None] = mapped_column(ForeignKey("retrainings.id"), unique=True)
    actor: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
