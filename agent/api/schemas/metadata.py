"""What clients send beside a message."""

from pydantic import BaseModel, ConfigDict, Field


class Metadata(BaseModel):
    """The client's own; only `message_id` is read."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    message_id: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="The client's own name for the message, another for each; posting it twice counts once",
    )
