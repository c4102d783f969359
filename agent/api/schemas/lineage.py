"""Where an answer came from."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from agent.api.schemas.base import Schema


class RetrainingOrigin(Schema):
    """The retraining that made a version, and what it learnt from."""

    id: str = Field(description="`GET /v1/admin/retrainings/{id}` shows the snapshot with the ids of its examples")
    trigger: str
    actor: str
    ended_at: datetime | None
    snapshot_hash: str
    examples: dict[str, int] = Field(description="How many examples the snapshot has in each role")
    erased_examples: int = Field(description="How many of them were erased since; the version has seen them")
    conversation_count: int = Field(description="How many conversations taught or judged it by their corrections")
    conversations: list[str] = Field(description="Their ids, oldest first, at most 100; erased ones are gone")


class SkillLineage(Schema):
    """One prompt version that had a say in a turn."""

    skill: str
    version: int
    digest: str
    origin: Literal["retraining", "shipped"] = Field(description="shipped: it came with the desk, trained elsewhere")
    retraining: RetrainingOrigin | None = Field(description="null: shipped")


class TurnLineage(Schema):
    """From an answer to the conversations that taught it."""

    turn_id: str
    conversation_id: str
    skills: list[SkillLineage] = Field(description="Empty for a turn in which nothing was read")
