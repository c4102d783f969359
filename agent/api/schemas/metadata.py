"""What clients send beside a message."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Metadata(BaseModel):
    """The client's own; only `message_id` is read."""

    model_config = ConfigDict(strict=True)

    message_id: Annotated[str, Field(min_length=1, max_length=256)] | Annotated[int, Field(ge=0, lt=2**63)] | None = (
        Field(None, description="The client's own name for the message, another for each; posting it twice counts once")
    )

    @property
    def message_name(self) -> str | None:
        """The name as text, None if there is none."""
        return None if self.message_id is None else str(self.message_id)
