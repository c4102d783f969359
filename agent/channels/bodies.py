"""Reading the JSON that helpdesks send, whatever it turns out to be."""

import json
from typing import Any

LONGEST_ID = 200


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
