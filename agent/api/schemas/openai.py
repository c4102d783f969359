"""OpenAI's chat completions, as much of them as a support desk can follow."""

from typing import Any, Literal

from pydantic import BaseModel, Field


class Part(BaseModel):
    """A part of a message; of the customer's newest message only `text` parts can be read."""

    type: str = Field(examples=["text"])
    text: str | None = None


class ChatMessage(BaseModel):
    """One message of the history that the client keeps."""

    role: str = Field(examples=["user"])
    content: str | list[Part] | None = Field(None, examples=["my card still hasn't come"])


class StreamOptions(BaseModel):
    """What a stream tells besides the reply."""

    include_usage: bool | None = Field(None, description="One more chunk with the usage, before `[DONE]`")


class CompletionRequest(BaseModel):
    """A chat completion; unknown fields (temperature, tools) are ignored, as the protocol's servers do."""

    model: str = Field(
        max_length=100, examples=["frostdesk/pennywhistle"], description="`frostdesk/` and a desk's slug"
    )
    messages: list[ChatMessage] = Field(min_length=1, description="The newest `user` message is the turn")
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    user: str | None = Field(None, max_length=256, description="Your own name for the customer")
    safety_identifier: str | None = Field(None, max_length=256, description="The newer name of `user`")
    metadata: dict[str, Any] | None = Field(None, description="`conversation`: your own name for the conversation")


class Model(BaseModel):
    """A desk, as a model."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["frostdesk"] = "frostdesk"


class Models(BaseModel):
    """The desks that a key opens."""

    object: Literal["list"] = "list"
    data: list[Model]


class Reply(BaseModel):
    """What the desk says; empty while a human has the conversation."""

    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    """The only choice there is."""

    index: Literal[0] = 0
    message: Reply
    finish_reason: Literal["stop"] = "stop"


class Usage(BaseModel):
    """Tokens of the newest message and of the reply, by the backbone's own count."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    """A chat completion."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    frostdesk: dict[str, Any] = Field(description="The turn, as `POST /v1/chat` shows it: outcome, article, escalation")


class OpenAIError(BaseModel):
    """What went wrong."""

    message: str
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = None
    code: str | None = Field(examples=["model_not_found"])


class OpenAIProblem(BaseModel):
    """OpenAI's envelope of errors; what cannot be used is a 400."""

    error: OpenAIError
