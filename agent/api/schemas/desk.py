"""Desks, intents, articles, imports, keys."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from agent.api.schemas.base import Action, Name, Readable, Request, Schema, Text
from agent.api.schemas.trials import TrialPlan

Origin = Annotated[
    str, StringConstraints(pattern=r"^https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$", max_length=300)
]
"""What a browser sends as `Origin`: scheme, host and port, nothing behind them."""


class DeskView(Schema):
    """A desk."""

    id: str
    slug: str
    name: str
    site_key: str
    allowed_origins: list[str]
    texts: dict[str, str]
    policy: dict[str, Any]


class IdentitySecret(Schema):
    """What a desk's site signs its customers' identities with."""

    secret: str


class DeskRequest(Request):
    """A new desk."""

    slug: Name
    name: Annotated[str, StringConstraints(min_length=1, max_length=100), Readable]
    allowed_origins: list[Origin] = Field([], max_length=100)


class Rule(Request):
    """A desk's own rule: a text that always goes to a human."""

    name: Name
    contains: Annotated[str, StringConstraints(min_length=2, max_length=200)]


class DeskChange(Request):
    """What to change of a desk; what is left out stays."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100), Readable] | None = None
    allowed_origins: list[Origin] | None = Field(None, max_length=100)
    texts: dict[str, Text] | None = None
    rules: list[Rule] | None = None
    approve: bool | None = Field(
        None, description="true: a candidate that the gate passes waits for a human's yes before it goes live"
    )
    retrain_erased: bool | None = Field(
        None, description="true: an erasure opens retrainings of the skills whose live version learnt from the customer"
    )
    trial: TrialPlan | None = Field(
        None,
        description="A candidate that the gate passes is first tried on live traffic, so long. null: it is not",
    )
    error_budget: float | None = Field(
        None,
        ge=0.005,
        le=0.5,
        description="The largest share of automatic answers that may be wrong (0.05: 5 %). The bot answers only "
        "where it is sure enough to keep it. null: no budget; each version's own thresholds decide",
        examples=[0.05],
    )


class IntentView(Schema):
    """A row of the desk's table: an intent and what is done about it."""

    name: str
    description: str
    action: Action
    reply: str | None


class IntentRequest(Request):
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


class ArticleRequest(Request):
    """Create or change an article."""

    question: Text
    answer: Annotated[str, StringConstraints(min_length=1, max_length=20_000), Readable]
    link: str | None = Field(None, max_length=1000)
    phrasings: list[Text] = Field([], max_length=100)


class ImportAnswer(Schema):
    """What an import did."""

    added: int
    by_role: dict[str, int] = Field(default_factory=dict)


class KeyRequest(Request):
    """A new admin key."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100), Readable]
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


class Status(Schema):
    """What runs."""

    version: str
    backbone: str
    fingerprint: str
    dtype: str
    desks: int
