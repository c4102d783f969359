"""Signatures that several helpdesks make the same way."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from agent.errors import NotSignedIn

WINDOW = 300
"""Seconds by which an event's time may differ from ours."""


def is_recent(stamp: str, now: datetime, per_second: int = 1) -> bool:
    """Return whether a Unix time, of which `per_second` make a second, lies within WINDOW."""
    if not re.fullmatch(r"[0-9]{1,20}", stamp):
        return False
    return abs(now.timestamp() - int(stamp) / per_second) <= WINDOW


def hub_signature(secret: str, body: bytes) -> str:
    """Return what the header X-Hub-Signature says of a body (WebSub, section 8): it holds no time."""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def check_hub_signature(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    """Check that one of the secrets signed a body. Raises NotSignedIn."""
    given = headers.get("x-hub-signature", "").encode()
    if not any(hmac.compare_digest(given, hub_signature(secret, body).encode()) for secret in secrets):
        raise NotSignedIn("The event's signature is not valid for this connection.")
