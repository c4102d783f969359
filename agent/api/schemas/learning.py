"""Skills and how they learn."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, Strict

from agent.api.schemas.base import Name, Number, Request, Schema
from agent.api.schemas.chat import TurnView


class SkillView(Schema):
    """A skill and its live version."""

    name: str
    kind: str
    labels: dict[str, list[str]]
    live_version: int | None
    examples: dict[str, int] = Field(description="How many examples it has in each role")
    corrections_waiting: int
    retrain_after: int = Field(description="Corrections that open a retraining by themselves; 0: never")
    retrain_hours: int = Field(description="Hours after which new corrections are learnt anyway; 0: never")
    rest_minutes: int = Field(description="Minutes after a promotion in which no retraining opens by itself")
    retraining_due: bool = Field(description="Its live version was made with examples of a customer erased since")


class SkillChange(Request):
    """What to change of a skill."""

    retrain_after: int | None = Field(None, ge=0, le=100_000)
    retrain_hours: int | None = Field(None, ge=0, le=8760)
    rest_minutes: int | None = Field(None, ge=0, le=43_200)
    labels: dict[Name, list[Name]] | None = Field(None, description="Labels by axis (classification)")


class GuaranteeView(Schema):
    """What keeping the error budget asks of one question a version answers, and what it costs."""

    status: Literal["guaranteed", "no guarantee yet"]
    threshold: float = Field(description="How sure the version must be to answer by itself")
    rows: int = Field(description="Calibration rows it rests on; the guarantee is for traffic like them")
    answered: int
    coverage: float | None = Field(description="Share of the calibration rows that are answered at the threshold")
    error: float | None = Field(description="Share of those answers that were wrong")
    bound: float | None = Field(description="Upper 98 % bound of that share (Clopper-Pearson)")
    warning: str | None = Field(description="What to do where there is no guarantee")


class BudgetView(Schema):
    """The error budget a version is read with."""

    budget: float
    in_force: bool = Field(description="False: the desk has set none; the figures show what 5 % would ask")
    axes: dict[str, GuaranteeView]


class VersionView(Schema):
    """A prompt version: what it is, how it scored, what it may answer by itself, where it came from."""

    number: int
    status: Literal["candidate", "live", "retired", "rejected"]
    digest: str
    fingerprint: str
    scorecard: dict[str, Any]
    error_budget: BudgetView
    lineage: dict[str, Any]
    created_at: datetime


class CorrectionRequest(Request):
    """A human's judgement of a turn."""

    turn_id: str
    skill: str
    target: dict[str, str | bool | None] = Field(
        default_factory=dict,
        examples=[{"intent": "card_arrival"}, {"article": "card-not-arrived"}, {"asks_for_human": True}],
        description="What is right; null means none of the labels",
    )
    text: str | None = Field(
        None, min_length=1, max_length=10_000, description="What the example shall say instead of the customer's words"
    )
    new_intent: bool = Field(False, description="The target names an intent that the desk does not have yet: add it")
    discard: bool = Field(False, description="The turn teaches nothing: it leaves the review queue, without a target")
    note: str | None = Field(None, max_length=1000)


class CorrectionView(Schema):
    """A recorded correction and the example it became."""

    id: str
    turn_id: str
    skill: str
    action: Literal["confirmed", "relabelled", "rewritten", "discarded"]
    said: dict[str, Any] = Field(description="What the skill had said")
    target: dict[str, Any]
    text: str | None
    reviewer: str
    note: str | None
    example_id: str | None
    role: str | None
    created_at: datetime
    ended_at: datetime | None = Field(description="When a newer correction took its place, or it was withdrawn")


Moment = Annotated[AwareDatetime, Strict(False)]
"""JSON has no moments: it is written as text."""


class WithdrawRequest(Request):
    """Whose corrections to take back."""

    reviewer: str = Field(description="The name of the reviewer's key, as corrections show it")
    since: Moment | None = Field(None, description="Only those made at this moment or later, with its time zone")


class DoubtView(Schema):
    """An earlier judgement that its neighbours speak against: judge the turn again to settle it."""

    skill: str
    said: dict[str, str | bool | None] = Field(description="What the reviewer had said")
    rather: dict[str, str | bool | None] = Field(description="What similar examples say")
    phrase: str | None = Field(description="Words that many texts of other topics share, all judged like this one")


class ReviewItem(Schema):
    """A turn that waits for a human's judgement."""

    turn: TurnView
    text: str
    why: list[str] = Field(
        description="Why it is worth a look: thumbs_down, doubted, audit, reopened (after it was closed), escalated, "
        "failed, disagreement (of router and search), repeated (others asked the same in vain), unsure"
    )
    stands_for: int = Field(description="Messages nobody judged with this phrasing, this one included")
    doubt: DoubtView | None
    rating: str | None
    audit: bool
    created_at: datetime


class RetrainRequest(Request):
    """Open a retraining."""

    seed: Number = 0


class RetrainingView(Schema):
    """One run of a skill's training."""

    id: str
    skill: str
    status: Literal["queued", "running", "held", "promoted", "refused", "failed", "cancelled"]
    trigger: str
    actor: str
    seed: int
    attempt: int
    worker: str | None
    progress: dict[str, Any]
    snapshot: dict[str, Any]
    erased_examples: list[str] = Field(
        description="Ids of the snapshot's examples that were erased since; of one withdrawn before, its correction's"
    )
    candidate: int | None = Field(description="The version it made")
    decision: dict[str, Any]
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class PromoteRequest(Request):
    """Make a version live by hand."""

    version: Number
    reason: str = Field("by hand", max_length=500)


class RollbackRequest(Request):
    """Go back to the version before, or to a certain one."""

    version: Number | None = None


class PromotionView(Schema):
    """One move of a live pointer."""

    skill: str
    from_version: int | None
    to_version: int
    actor: str
    reason: str
    created_at: datetime
