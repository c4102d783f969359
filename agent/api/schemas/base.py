"""What goes over HTTP. Field texts appear in the API's documentation."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from agent.tables.desks import ACTIONS

LARGEST = 2**31 - 1
"""What every database's integer holds."""


def _readable(text: str) -> str:
    """Return the text. Raises if it says nothing, or has a character that PostgreSQL does not store."""
    if not text.strip():
        raise PydanticCustomError("blank", "Text should not be blank")
    if "\0" in text:
        raise PydanticCustomError("null_character", "Text should have no null character")
    return text


Readable = AfterValidator(_readable)
Text = Annotated[str, StringConstraints(min_length=1, max_length=10_000), Readable]
Number = Annotated[int, Field(ge=0, le=LARGEST)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Action = Literal["faq", "label", "hand_over", "say", "ask_back", "silent", "follow_up"]
assert set(ACTIONS) == set(Action.__args__)  # type: ignore[attr-defined]


class Schema(BaseModel):
    """The base of every schema: unknown fields are refused on the way in."""

    model_config = ConfigDict(extra="forbid")


class Request(Schema):
    """The base of what is sent to us: "no" is no boolean, and "5" no number."""

    model_config = ConfigDict(strict=True)


class Problem(BaseModel):
    """Every error has this shape."""

    code: str
    message: str
    request_id: str


class ProblemAnswer(BaseModel):
    """Every error has this shape."""

    error: Problem
