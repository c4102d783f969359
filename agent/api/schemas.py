"""What goes over HTTP. Field texts appear in the API's documentation."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agent.tables.desks import ACTIONS

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Action = Literal["faq", "label", "hand_over", "say", "ask_back", "silent", "follow_up"]
assert set(ACTIONS) == set(Action.__args__)  # type: ignore[attr-defined]


class Schema(BaseModel):
    """The base of every schema: unknown fields are refused on the way in."""

    model_config = ConfigDict(extra="forbid")


class SessionRequest(Schema):
    """Ask for a visitor's token."""

    site_key: str = Field(description="The desk's public key, `pk_...`", max_length=100)


class SessionAnswer(Schema):
    """A visitor's token and how long it lives."""

    token: str
    visitor_id: str
    expires_in: int = Field(description="Seconds")
    desk: str = Field(description="The desk's name")


class ChatRequest(Schema):
    """A customer's message."""

    message: Text = Field(examples=["my card still hasn't come"])
    conversation_id: str | None = Field(None, description="Leave out to start a conversation", max_length=64)
    client_message_id: str | None = Field(
        None, description="The sender's name for this message; posting it twice counts once", max_length=64
    )


class ArticleRef(Schema):
    """An article that was cited."""

    slug: str
    question: str | None
    link: str | None


class RouteView(Schema):
    """The router's decision."""

    intent: str | None = Field(description="null: out of scope")
    confidence: float | None
    skill: str | None = Field(description="The skill the intent leads to, if it leads to one")
    action: str | None = Field(description="What the desk's table says is done about the intent")


class VerdictView(Schema):
    """One skill's answer to one question about the message."""

    skill: str
    axis: str
    label: str | None = None
    article: str | None = None
    confidence: float = Field(
        description="Calibrated probability that the answer is right, or that the label holds"
    )
    accepted: bool = Field(description="Whether it passed its threshold")
    version: int
    runners_up: list[tuple[str, float]] = []
    in_context: bool = Field(False, description="Read together with the message before it")


class EscalationRef(Schema):
    """Why a conversation was handed to a human."""

    id: str
    reason: str
    summary: str


class TurnView(Schema):
    """What was said and decided about a message."""

    conversation_id: str
    turn_id: str
    outcome: Literal[
        "answered",
        "said",
        "asked_back",
        "out_of_scope",
        "no_answer",
        "escalated",
        "warned",
        "silent",
        "labelled",
    ]
    reply: str | None = Field(
        description="null: the bot stays silent, for instance because a human has taken over"
    )
    article: ArticleRef | None
    route: RouteView
    verdicts: list[VerdictView]
    escalation: EscalationRef | None
    milliseconds: int


class MessageView(Schema):
    """One message of a conversation."""

    id: str
    seq: int
    author: Literal["customer", "bot", "human"]
    text: str
    created_at: datetime


class Transcript(Schema):
    """A conversation as its visitor sees it."""

    conversation_id: str
    owner: Literal["bot", "human"]
    status: Literal["open", "closed"]
    messages: list[MessageView]


class Feedback(Schema):
    """A visitor's opinion of an answer."""

    rating: Literal["up", "down"]
    comment: str | None = Field(None, max_length=1000)


class DeskView(Schema):
    """A desk."""

    id: str
    slug: str
    name: str
    site_key: str
    allowed_origins: list[str]
    texts: dict[str, str]
    policy: dict[str, Any]


class DeskRequest(Schema):
    """A new desk."""

    slug: Name
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    allowed_origins: list[str] = []


class Rule(Schema):
    """A desk's own rule: a text that always goes to a human."""

    name: Name
    contains: Annotated[str, StringConstraints(min_length=2, max_length=200)]


class DeskChange(Schema):
    """What to change of a desk; what is left out stays."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    allowed_origins: list[str] | None = None
    texts: dict[str, Text] | None = None
    rules: list[Rule] | None = None


class IntentView(Schema):
    """A row of the desk's table: an intent and what is done about it."""

    name: str
    description: str
    action: Action
    reply: str | None


class IntentRequest(Schema):
    """Create or change an intent."""

    action: Action = "faq"
    description: str = Field("", max_length=500)
    reply: Text | None = Field(None, description="What is said for say, ask_back and label")


class ArticleView(Schema):
    """A FAQ article."""

    slug: str
    question: str
    answer: str
    link: str | None
    phrasings: list[str]


class ArticleRequest(Schema):
    """Create or change an article."""

    question: Text
    answer: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    link: str | None = Field(None, max_length=1000)
    phrasings: list[Text] = Field([], max_length=100)


class SkillView(Schema):
    """A skill and its live version."""

    name: str
    kind: str
    labels: dict[str, list[str]]
    live_version: int | None
    examples: dict[str, int] = Field(description="How many examples it has in each role")
    corrections_waiting: int
    retrain_after: int = Field(description="Corrections that open a retraining by themselves; 0: never")


class SkillChange(Schema):
    """What to change of a skill."""

    retrain_after: int | None = Field(None, ge=0, le=100_000)
    labels: dict[Name, list[Name]] | None = Field(None, description="Labels by axis (classification)")


class VersionView(Schema):
    """A prompt version: what it is, how it scored, where it came from."""

    number: int
    status: Literal["candidate", "live", "retired", "rejected"]
    digest: str
    fingerprint: str
    scorecard: dict[str, Any]
    lineage: dict[str, Any]
    created_at: datetime


class CorrectionRequest(Schema):
    """A human's judgement of a turn."""

    turn_id: str
    skill: str
    target: dict[str, str | bool | None] = Field(
        examples=[{"intent": "card_arrival"}, {"article": "card-not-arrived"}, {"asks_for_human": True}],
        description="What is right; null means none of the labels",
    )
    note: str | None = Field(None, max_length=1000)


class CorrectionView(Schema):
    """A recorded correction and the example it became."""

    id: str
    turn_id: str
    skill: str
    said: dict[str, Any]
    target: dict[str, Any]
    reviewer: str
    note: str | None
    example_id: str | None
    role: str | None
    created_at: datetime


class ReviewItem(Schema):
    """A turn that waits for a human's judgement."""

    turn: TurnView
    text: str
    rating: str | None
    audit: bool
    created_at: datetime


class RetrainRequest(Schema):
    """Open a retraining."""

    seed: int = Field(0, ge=0, le=2**31 - 1)


class RetrainingView(Schema):
    """One run of a skill's training."""

    id: str
    skill: str
    status: Literal["queued", "running", "promoted", "refused", "failed", "cancelled"]
    trigger: str
    actor: str
    seed: int
    attempt: int
    worker: str | None
    progress: dict[str, Any]
    snapshot: dict[str, Any]
    candidate: int | None = Field(description="The version it made")
    decision: dict[str, Any]
    error: str | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class PromoteRequest(Schema):
    """Make a version live by hand."""

    version: int
    reason: str = Field("by hand", max_length=500)


class RollbackRequest(Schema):
    """Go back to the version before, or to a certain one."""

    version: int | None = None


class PromotionView(Schema):
    """One move of a live pointer."""

    skill: str
    from_version: int | None
    to_version: int
    actor: str
    reason: str
    created_at: datetime


class EscalationView(Schema):
    """A conversation in a human's hands."""

    id: str
    conversation_id: str
    turn_id: str
    reason: str
    verdict: dict[str, Any] | None
    first_request: str
    last_request: str
    articles_tried: list[str]
    mood: dict[str, bool]
    summary: str
    status: Literal["open", "given_back", "closed"]
    opened_at: datetime
    ended_at: datetime | None


class ConversationView(Schema):
    """A conversation, without its messages."""

    id: str
    channel: str
    owner: Literal["bot", "human"]
    status: Literal["open", "closed"]
    created_at: datetime
    updated_at: datetime


class HumanReply(Schema):
    """What a human says to the customer."""

    text: Text


class KeyRequest(Schema):
    """A new admin key."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    installation: bool = Field(False, description="Open every desk (only an installation key may make one)")


class KeyView(Schema):
    """A key, without its secret."""

    id: str
    name: str
    desk_id: str | None
    created_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class NewKey(KeyView):
    """A key just made: the only time it can be read."""

    key: str


class ConnectionRequest(Schema):
    """Connect a helpdesk by Standard Webhooks."""

    name: Name
    url: str | None = Field(
        None, description="Where answers are posted; none: events are only stored and read"
    )
    secret: str | None = Field(None, description="`whsec_...`; left out: one is made", max_length=200)


class ConnectionView(Schema):
    """A helpdesk's connection, without its secret."""

    id: str
    name: str
    kind: str
    url: str | None
    endpoint: str = Field(description="Where the helpdesk posts its events")
    created_at: datetime


class NewConnection(ConnectionView):
    """A connection just made: the only time its secret can be read."""

    secret: str


class DeliveryView(Schema):
    """Something sent, or to be sent, to a helpdesk."""

    id: str
    connection: str
    conversation_id: str
    status: Literal["queued", "sent", "dead"]
    attempt: int
    payload: dict[str, Any]
    answer_status: int | None
    error: str | None
    due_at: datetime
    sent_at: datetime | None


class ImportAnswer(Schema):
    """What an import did."""

    added: int
    by_role: dict[str, int] = {}


class Accepted(Schema):
    """An event was stored."""

    status: Literal["accepted", "known"]


class Status(Schema):
    """What runs."""

    version: str
    backbone: str
    fingerprint: str
    dtype: str
    desks: int


class Problem(BaseModel):
    """Every error has this shape."""

    code: str
    message: str
    request_id: str


class ProblemAnswer(BaseModel):
    """Every error has this shape."""

    error: Problem
