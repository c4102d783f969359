"""The chat."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from agent.api.schemas.base import Request, Schema, Text


class SessionRequest(Request):
    """Ask for a visitor's token."""

    site_key: str = Field(description="The desk's public key, `pk_...`", max_length=100)
    identity: str | None = Field(
        None,
        description="Who the visitor is, as the site says: a JWT (HS256) of the desk's identity secret with `sub`, "
        "the site's own name for the customer, and `exp`",
        max_length=4096,
    )


class SessionAnswer(Schema):
    """A visitor's token and how long it lives."""

    token: str
    visitor_id: str
    expires_in: int = Field(description="Seconds")
    desk: str = Field(description="The desk's name")
    conversation_id: str | None = Field(description="A signed-in customer's newest conversation")


class ChatRequest(Request):
    """A customer's message."""

    message: Text = Field(examples=["my card still hasn't come"])
    conversation_id: str | None = Field(None, description="Leave out to start a conversation", max_length=64)
    client_message_id: str | None = Field(
        None,
        description="The sender's own name for this message, another for each; posting it twice counts once",
        min_length=1,
        max_length=64,
    )
    wants_human: bool = Field(
        False, description="The customer pressed the button that asks for a human; the message says so in words"
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
    confidence: float = Field(description="Calibrated probability that the answer is right, or that the label holds")
    accepted: bool = Field(description="Whether it passed its threshold")
    version: int
    runners_up: list[tuple[str, float]] = Field(default_factory=list)
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
    reply: str | None = Field(description="null: the bot stays silent, for instance because a human has taken over")
    article: ArticleRef | None
    suggestions: list[ArticleRef] = Field(
        description="Without an answer: the nearest articles, for the customer to choose from (ask its question)"
    )
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


Rating = Literal["terrible", "bad", "ok", "good", "amazing"]


class Transcript(Schema):
    """A conversation as its visitor sees it."""

    conversation_id: str
    owner: Literal["bot", "human"]
    status: Literal["open", "closed"]
    rating: Rating | None
    available: bool = Field(description="Whether humans are there now, by the desk's hours")
    back_at: datetime | None = Field(description="When somebody will be there next; null: somebody is there now")
    contact: bool = Field(description="Whether the customer left an e-mail address behind")
    messages: list[MessageView]


class ConversationRating(Request):
    """A customer's opinion of a conversation that has ended; the last one counts."""

    rating: Rating
    remark: str | None = Field(None, max_length=1000)


class Feedback(Request):
    """A visitor's opinion of an answer."""

    rating: Literal["up", "down"]
    comment: str | None = Field(None, max_length=1000)
