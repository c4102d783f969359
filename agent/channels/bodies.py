"""Reading the JSON that helpdesks send, whatever it turns out to be, and what an admin says of them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from agent.errors import BadInput

LONGEST_ID = 200
MOST_EVENTS = 100
"""How many events one request may hold."""
Token = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
"""A vendor's API token: it travels in a header, so it holds no space and no line break."""
Number = Annotated[str, Field(pattern=r"^[0-9]{1,20}$", coerce_numbers_to_str=True)]
"""A vendor's number of something, as text: it stands in an address, so it holds nothing but digits."""
Email = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[^\s:]+@[^\s:]+$")]
"""The address of an API user: it stands before the colon of Basic authentication."""
Slug = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]
"""A vendor's id of letters and digits: it stands in an address."""
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


def split_events(found: Any, name: Callable[[bytes], str | None]) -> list[tuple[str, bytes]]:  # noqa: ANN401 - JSON
    """Return the name and the body of each event of a list, none if it is no list; one without a name has its digest.

    Raises BadInput for more than `MOST_EVENTS`.
    """
    events = found if isinstance(found, list) else []
    if len(events) > MOST_EVENTS:
        raise BadInput(f"A request holds at most {MOST_EVENTS} events; send the rest in another.")
    bodies = [json.dumps(event).encode() for event in events]
    return [(name(body) or body_name(body), body) for body in bodies]


def body_name(body: bytes) -> str:
    """Return what names an event that has no id of its own."""
    return f"body:{hashlib.sha256(body).hexdigest()}"
