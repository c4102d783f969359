"""What the web component @n8n/chat posts and expects."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from agent.api.schemas.base import Text
from agent.api.schemas.metadata import Metadata

SessionId = Annotated[str, Field(min_length=1, max_length=256, description="Names the conversation")]


class SendMessage(BaseModel):
    """A new message; what a page adds otherwise is ignored."""

    action: Literal["sendMessage"]
    sessionId: SessionId  # noqa: N815 - the protocol's own name
    chatInput: Text  # noqa: N815
    metadata: Metadata | None = None


class LoadPreviousSession(BaseModel):
    """Ask for what was said so far."""

    action: Literal["loadPreviousSession"]
    sessionId: SessionId  # noqa: N815


N8nRequest = Annotated[SendMessage | LoadPreviousSession, Field(discriminator="action")]


class N8nReply(BaseModel):
    """What the component shows. Both are missing while a human has the conversation: it would show an empty text."""

    output: str | None = None
    frostdesk: dict[str, Any] | None = Field(None, description="The turn, as `POST /v1/chat` shows it")


class Content(BaseModel):
    """The text of a message."""

    content: str


class N8nMessage(BaseModel):
    """One message of the past, as LangChain writes them."""

    lc: Literal[1] = 1
    type: Literal["constructor"] = "constructor"
    id: list[str] = Field(examples=[["langchain_core", "messages", "HumanMessage"]])
    said: Content = Field(serialization_alias="kwargs")


class N8nHistory(BaseModel):
    """What was said so far: the customer's are of the kind `HumanMessage`, all others `AIMessage`."""

    data: list[N8nMessage]


class N8nProblem(BaseModel):
    """An error as the component shows it."""

    output: str
