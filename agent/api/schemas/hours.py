"""When a desk's humans are there."""

from datetime import datetime

from pydantic import Field

from agent.api.schemas.base import Request, Schema


class HoursRequest(Request):
    """When somebody is there: times of the week, several between commas."""

    times: str = Field(
        description="Days (`mon`, or `mon-fri`) and times; an end before its beginning is on the next day",
        examples=["mon-fri 09:00-17:00, sat 10:00-14:00"],
        max_length=500,
    )
    zone: str = Field(description="The time zone, as in the tz database", examples=["Europe/Berlin"], max_length=100)


class HoursView(Schema):
    """A desk's hours, and what they say now."""

    times: str | None = Field(description="null: somebody is taken to be there always")
    zone: str | None
    available: bool = Field(description="Whether somebody is there now")
    back_at: datetime | None = Field(description="When somebody will be there next; null: somebody is there now")
