"""What goes over HTTP. Field texts appear in the API's documentation."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from agent.tables.desks import ACTIONS

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Action = Literal["faq", "label", "hand_over", "say", "ask_back", "silent", "follow_up"]
assert set(ACTIONS) == set(Action.__args__)  # type: ignore[attr-defined]


class Schema(BaseModel):
    """The base of every schema: unknown fields are refused on the way in."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """Every error has this shape."""

    code: str
    message: str
    request_id: str


class ProblemAnswer(BaseModel):
    """Every error has this shape."""

    error: Problem
