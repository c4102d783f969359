"""Candidates on trial."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, model_validator

from agent.api.schemas.base import Number, Request, Schema


class TrialPlan(Request):
    """How long a candidate reads along unseen, and how many conversations it then answers before it goes live."""

    shadow_turns: int = Field(
        100, ge=0, le=100_000, description="Messages it reads beside the live version, without anybody seeing; 0: none"
    )
    canary_conversations: int = Field(
        50, ge=0, le=100_000, description="Conversations it answers before it goes live; 0: none"
    )
    share: float = Field(0.25, ge=0.01, le=0.9, description="The share of the conversations it answers meanwhile")

    @model_validator(mode="after")
    def _asks_for_something(self) -> "TrialPlan":
        if not self.shadow_turns and not self.canary_conversations:
            raise ValueError("a trial needs turns in the shadow, conversations to answer, or both")
        return self


class TrialRequest(TrialPlan):
    """Put a version on trial."""

    version: Number


class TrialView(Schema):
    """A trial: where it stands and what it has shown."""

    id: str
    skill: str
    version: int
    against: int = Field(description="The version that was live when it began")
    stage: Literal["shadow", "canary", "passed", "promoted", "returned", "stopped"]
    share: float
    shadow_turns: int
    canary_conversations: int
    figures: dict[str, Any] = Field(
        description="By stage: how much was seen, and for each thing a conversation may suffer how often the candidate "
        "was it, of how many, and how much likelier that is if it is worse (`evidence`; at 20 it goes back)"
    )
    reason: str | None = Field(description="Why it ended")
    actor: str
    created_at: datetime
    stage_at: datetime
    ended_at: datetime | None


class DifferenceView(Schema):
    """A message to which a shadow would have said something else."""

    turn_id: str
    conversation_id: str
    text: str
    said: dict[str, Any] = Field(description="Outcome, intent and article of the live version")
    would: dict[str, Any] = Field(description="Outcome, intent and article of the candidate")
    created_at: datetime
