"""What the web component deep-chat posts and expects."""

from typing import Any

from pydantic import BaseModel, Field


class Bubble(BaseModel):
    """One message of the component; a file's has no text."""

    role: str = "user"
    text: str | None = Field(None, examples=["my card still hasn't come"])


class DeepChatRequest(BaseModel):
    """The newest message, or several; what a page adds otherwise is ignored."""

    messages: list[Bubble] = Field(min_length=1, description="The newest of the role `user` is the turn")
    conversation: str | None = Field(None, max_length=256, description="The page's own name for the conversation")
    client_message_id: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="The page's own name for the message; posting it twice counts once",
    )


class DeepChatReply(BaseModel):
    """What the component shows."""

    text: str = Field(description="Empty while a human has the conversation")
    custom: dict[str, Any] = Field(description="The turn, as `POST /v1/chat` shows it")


class DeepChatProblem(BaseModel):
    """An error as the component shows it."""

    error: str
