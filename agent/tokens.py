"""Visitors' tokens: short-lived, signed, for one visitor of one desk."""

from dataclasses import dataclass
from datetime import timedelta

import jwt
from sqlalchemy.orm import Session

from agent.errors import NotSignedIn
from agent.installation import own_secret
from agent.tables import new_id, utc_now

ALGORITHM = "HS256"
AUDIENCE = "frostdesk-visitor"
RENEWABLE = timedelta(days=30)
"""How long after its end a token still gets its visitor a new one."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whom a token speaks for."""

    id: str
    desk_id: str


def signing_secret(session: Session) -> bytes:
    """Return the installation's secret, making it on first use (inside a writing session)."""
    return own_secret(session, "visitor_secret")


def issue(secret: bytes, desk_id: str, minutes: int, visitor_id: str | None = None) -> tuple[str, Visitor]:
    """Return a signed token, for a new visitor unless one is named."""
    visitor = Visitor(visitor_id or new_id("vis"), desk_id)
    now = utc_now()
    claims = {
        "aud": AUDIENCE,
        "sub": visitor.id,
        "desk": desk_id,
        "iat": now,
        "exp": now + timedelta(minutes=minutes),
    }
    return jwt.encode(claims, secret, algorithm=ALGORITHM), visitor


def read(secret: bytes, token: str, late: timedelta = timedelta()) -> Visitor:
    """Return whom a token speaks for, if it ended no longer than `late` ago.

    Raises NotSignedIn if it is forged, expired or of another kind.
    """
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            leeway=late,
            options={"require": ["exp", "aud", "sub", "desk"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise NotSignedIn("This visitor token has expired; ask for a new session.") from error
    except jwt.InvalidTokenError as error:
        raise NotSignedIn("This visitor token is not valid.") from error
    return Visitor(str(claims["sub"]), str(claims["desk"]))
