"""Reading the JSON that helpdesks send, whatever it turns out to be, and what an admin says of them."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from agent.errors import BadInput

LONGEST_ID = 200
Token = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
"""A vendor's API token: it travels in a header, so it holds no space and no line break."""
Number = Annotated[str, Field(pattern=r"^[0-9]{1,20}$", coerce_numbers_to_str=True)]
"""A vendor's number of something, as text: it stands in an address, so it holds nothing but digits."""
Email = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[^\s:]+@[^\s:]+$")]
"""The address of an API user: it stands before the colon of Basic authentication."""
Model = TypeVar("Model", bound=BaseModel)


def read_body(model: type[Model], body: bytes) -> Model:
    """Return a body as a model reads it. Raises BadInput, which names the field and repeats nothing of the text."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise BadInput(f"Event field {_trouble(error) or 'body'}.") from None


def read_credentials(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return credentials as a model reads them. Raises BadInput, which names the field and repeats no secret."""
    try:
        return model.model_validate(given).model_dump()
    except ValidationError as error:
        raise BadInput(f"credentials.{_trouble(error)}.") from None


def _trouble(error: ValidationError) -> str:
    first = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")


def read_path(body: bytes, *path: str) -> Any:  # noqa: ANN401 - JSON
    """Return what stands at a path of a JSON body, None if nothing does or it is no JSON."""
    try:
        found = json.loads(body)
        for name in path:
            found = found[name]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found


def as_id(found: Any) -> str | None:  # noqa: ANN401 - JSON
    """Return a vendor's id (text or number) as text that a database stores, None if it is none."""
    if not isinstance(found, str | int) or isinstance(found, bool):
        return None
    text = str(found)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character
        return None
    return text if 0 < len(text) <= LONGEST_ID and "\0" not in text else None
