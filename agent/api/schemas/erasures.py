"""Erasing a customer's data."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from agent.api.schemas.base import Readable, Request, Schema
from agent.channels.bodies import LONGEST_ID

CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID), Readable]


class ErasureRequest(Request):
    """Whom to forget: exactly one of the three."""

    visitor_id: CustomerId | None = Field(
        None, description="A widget's visitor (`vis_...`), or a ticket's id at the helpdesk: all their conversations"
    )
    customer: CustomerId | None = Field(None, description="A signed-in customer, by the site's own name (`sub`)")
    conversation_id: CustomerId | None = Field(None, description="One conversation (`conv_...`)")
    retrain: Literal["list", "open"] | None = Field(
        None,
        description="list: name the skills whose live version was made with erased examples; "
        "open: open a retraining of each as well; left out: as the desk's policy `retrain_erased` says",
    )
    dry_run: bool = Field(False, description="Only count what would go; nothing is changed")

    @model_validator(mode="after")
    def _one_customer(self) -> Self:
        if [self.visitor_id, self.customer, self.conversation_id].count(None) != 2:
            raise PydanticCustomError("one_customer", "Name exactly one of visitor_id, customer and conversation_id")
        return self


class ErasureView(Schema):
    """The tombstone of an erased customer."""

    id: str
    subject: Literal["visitor", "conversation"]
    id_hash: str = Field(description="Salted SHA-256 of the erased id; the id itself is not kept")
    actor: str = Field(description="The name of the key that asked for it")
    counts: dict[str, int] = Field(description="How many rows of each kind went")
    created_at: datetime


class DueView(Schema):
    """A skill that should be retrained: its live version was made with examples that are erased."""

    skill: str
    live_version: int
    erased_examples: int
    retraining: str | None = Field(description="If retrainings are opened: that of the skill, now open")
    opened: bool = Field(description="False with a retraining: one was under way already, which may have seen the rows")


class ErasureAnswer(Schema):
    """What an erasure did, or with `dry_run` would do."""

    status: Literal["erased", "would_erase", "erased_before"] = Field(
        description="erased_before: nothing was left to erase; the counts are those of that time"
    )
    counts: dict[str, int] = Field(description="Rows of each kind; an event loses its body, the others go whole")
    erasure: ErasureView | None = Field(description="null: nothing was erased yet")
    retraining_due: list[DueView] = Field(description="All skills of the desk that are due because of erasures")
