"""Where a customer may be answered who does not wait."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from agent.api.schemas.base import Request

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]+\.)+[\w-]{2,}")


def _address(text: str) -> str:
    """Return the text. Raises if it has not the form of an address."""
    if not _ADDRESS.fullmatch(text):
        raise PydanticCustomError("email", "This is no e-mail address; one looks like ann@shop.example")
    return text


class Contact(Request):
    """Where a customer may be answered who does not wait; the last address counts."""

    email: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=254),
        AfterValidator(_address),
        Field(examples=["ann@shop.example"]),
    ]
