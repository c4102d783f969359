"""Access tokens by OAuth2's client credentials (RFC 6749, section 4.4), kept in memory until they expire."""

import time
from typing import Annotated

import httpx
from pydantic import BaseModel, Field, ValidationError

from agent.channels.channel import Call, ClientCredentials

LARGEST_ANSWER = 64 * 1024
MARGIN = 60.0
"""Seconds before its end in which a token is not used any more."""


class _Granted(BaseModel):
    access_token: Annotated[str, Field(min_length=1, max_length=8_000, pattern=r"^[\x21-\x7e]+$")]
    expires_in: float = 0.0


_held: dict[ClientCredentials, tuple[str, float]] = {}
"""Token and monotonic time until which it is used."""


def authorization(client: httpx.Client, call: Call) -> dict[str, str]:
    """Return the header that carries a call's access token, none if it needs none.

    Raises httpx.HTTPStatusError if the helpdesk gives none, httpx.HTTPError if it cannot be asked or understood.
    """
    if call.client is None:
        return {}
    token, until = _held.get(call.client, ("", 0.0))
    if time.monotonic() >= until:
        granted = _ask(client, call.client)
        token = granted.access_token
        _held[call.client] = token, time.monotonic() + granted.expires_in - MARGIN
    return {"authorization": f"Bearer {token}"}


def forget(call: Call) -> None:
    """Use a call's access token no more: the helpdesk took it for none of its own."""
    if call.client is not None:
        _held.pop(call.client, None)


def _ask(client: httpx.Client, who: ClientCredentials) -> _Granted:
    form = {"grant_type": "client_credentials", "client_id": who.client_id, "client_secret": who.client_secret}
    with client.stream("POST", who.token_url, data=form) as answer:
        answer.raise_for_status()
        body = next(answer.iter_bytes(LARGEST_ANSWER), b"")
    try:
        return _Granted.model_validate_json(body)
    except ValidationError:
        raise httpx.DecodingError("The helpdesk's answer holds no access token.") from None
