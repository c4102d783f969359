"""Signatures that several helpdesks make the same way."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from agent.errors import NotSignedIn


def hub_signature(secret: str, body: bytes) -> str:
    """Return what the header X-Hub-Signature says of a body (WebSub, section 8): it holds no time."""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()


def check_hub_signature(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    """Check that one of the secrets signed a body. Raises NotSignedIn."""
    given = headers.get("x-hub-signature", "").encode()
    if not any(hmac.compare_digest(given, hub_signature(secret, body).encode()) for secret in secrets):
        raise NotSignedIn("The event's signature is not valid for this connection.")
