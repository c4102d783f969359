"""What clients of a Rasa server post and expect."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from agent.api.schemas.base import Text
from agent.api.schemas.metadata import Metadata


class RasaMessage(BaseModel):
    """A customer's message; `input_channel` is ignored."""

    sender: str = Field(min_length=1, max_length=256, description="Your name for the customer: names the conversation")
    message: Text
    metadata: Metadata | None = None


class Button(BaseModel):
    """A question that is offered; its payload is posted as the next message."""

    title: str
    payload: str


class RasaReply(BaseModel):
    """One message of the bot."""

    recipient_id: str
    text: str
    buttons: list[Button] | None = None


class ChannelStatus(BaseModel):
    """That the channel is there."""

    status: Literal["ok"] = "ok"


class ParseRequest(BaseModel):
    """A text to be classified; `message_id` is ignored."""

    text: Text


class RasaIntent(BaseModel):
    """An intent of the desk's router."""

    name: str | None = Field(description="null: out of scope")
    confidence: float


class Parsed(BaseModel):
    """What the router reads in a text."""

    text: str
    intent: RasaIntent
    intent_ranking: list[RasaIntent] = Field(description="The nearest intents, whether the router accepts them or not")
    entities: list[Any] = Field(default=[], description="Always empty: nothing is extracted")


class RasaProblem(BaseModel):
    """Rasa's envelope of errors."""

    version: str
    status: Literal["failure"] = "failure"
    message: str
    reason: str = Field(examples=["bad_input"])
    details: dict[str, Any] = {}
    help: str | None = None
    code: int = Field(description="The HTTP status")
