"""What a page with the AI SDK posts."""

from pydantic import BaseModel, Field


class UIPart(BaseModel):
    """A part of a message; of the customer's newest message only `text` parts can be read."""

    type: str = Field(examples=["text"])
    text: str | None = Field(None, examples=["my card still hasn't come"])


class UIMessage(BaseModel):
    """One message of the page's history."""

    id: str = Field(max_length=256)
    role: str = Field(examples=["user"])
    parts: list[UIPart]


class UIRequest(BaseModel):
    """The history; `trigger`, `messageId` and what a page adds otherwise are ignored."""

    id: str = Field(min_length=1, max_length=256, description="The chat's id: it names the conversation")
    messages: list[UIMessage] = Field(min_length=1, description="The newest of the role `user` is the turn")
