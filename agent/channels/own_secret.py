"""A secret of ours, which helpdesks that sign nothing send along with their events."""

import hmac
import re
import secrets as randomness
from collections.abc import Sequence

from agent.errors import BadInput, NotSignedIn

HEADER = "x-frostdesk-secret"
SECRET = re.compile(r"[\x21-\x7e]{16,}")
"""Nothing else guards the endpoint, so it must not be guessed."""


def own_secret(given: str | None, helpdesk: str) -> str:
    """Return the given secret, or a new one. Raises BadInput for one that is short or no plain ASCII."""
    secret = given or randomness.token_urlsafe(32)
    if not SECRET.fullmatch(secret):
        raise BadInput(f"A secret for {helpdesk} is at least 16 letters, digits and signs, without spaces.")
    return secret


def check_own_secret(shown: Sequence[bytes], secrets: Sequence[str]) -> None:
    """Check that something an event shows is one of the secrets. Raises NotSignedIn."""
    if not any(hmac.compare_digest(one, secret.encode()) for one in shown for secret in secrets):
        raise NotSignedIn("The event does not carry this connection's secret.")
