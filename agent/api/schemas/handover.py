"""Conversations in human hands."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from agent.api.schemas.base import Request, Schema, Text
from agent.api.schemas.chat import Rating, Transcript

Email = Annotated[str | None, Field(description="Where the customer may be answered who does not wait")]


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
    email: Email


class ConversationView(Schema):
    """A conversation, without its messages."""

    id: str
    channel: str
    owner: Literal["bot", "human"]
    status: Literal["open", "closed"]
    created_at: datetime
    updated_at: datetime
    rating: Rating | None
    remark: str | None
    email: Email


class AdminTranscript(Transcript):
    """A conversation as those see it who answer."""

    email: Email


class HumanReply(Request):
    """What a human says to the customer."""

    text: Text
