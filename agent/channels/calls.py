"""Requests to helpdesks' APIs, as most of them are spelled."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from agent.channels.channel import Call, ClientCredentials


def json_call(
    url: str,
    sent: Mapping[str, Any],
    headers: Mapping[str, str],
    method: str = "POST",
    client: ClientCredentials | None = None,
) -> Call:
    """Return a request whose body is JSON; `client` as in `Call`."""
    body = json.dumps(sent, ensure_ascii=False).encode()
    return Call(url, body, {"content-type": "application/json", **headers}, method, client)


def bearer(token: str) -> dict[str, str]:
    """Return the header that shows a token (RFC 6750, section 2.1)."""
    return {"authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header of Basic authentication (RFC 7617)."""
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}
