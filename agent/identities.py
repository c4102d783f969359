"""Signed-in customers: a site vouches for who its visitor is, by a token of its desk's identity secret."""

import secrets
from hashlib import sha256
from typing import Annotated

import jwt
from pydantic import BaseModel, StringConstraints, ValidationError

from agent.errors import NotSignedIn
from agent.tables import Desk
from agent.tokens import ALGORITHM

SIGNED_IN = "usr_"
"""How the id of a signed-in customer begins."""
CLOCKS = 60
"""Seconds by which the site's clock may differ from ours."""


class _Claims(BaseModel):
    sub: Annotated[str, StringConstraints(min_length=1, max_length=200)]


def new_identity_secret() -> str:
    """Return a secret for a site to sign with."""
    return secrets.token_urlsafe(32)


def customer_id(desk_id: str, sub: str) -> str:
    """Return the visitor id of a desk's signed-in customer; the site's own name for them (`sub`) is not stored."""
    return SIGNED_IN + sha256(f"{desk_id} {sub}".encode()).hexdigest()[:24]


def identify(desk: Desk, token: str) -> str:
    """Return the visitor id of the customer whom a site's token (HS256, claims `sub` and `exp`) names.

    Raises NotSignedIn if the desk has no identity secret, or the token is forged, expired or of another kind.
    """
    if desk.identity_secret is None:
        raise NotSignedIn("This desk has no identity secret, so it knows no signed-in customers.")
    try:
        claims = jwt.decode(
            token,
            desk.identity_secret,
            algorithms=[ALGORITHM],
            leeway=CLOCKS,
            options={"require": ["exp", "sub"], "verify_aud": False},
        )
        return customer_id(desk.id, _Claims.model_validate(claims).sub)
    except jwt.ExpiredSignatureError as error:
        raise NotSignedIn("The identity token has expired; the site must sign a new one.") from error
    except (jwt.InvalidTokenError, ValidationError, UnicodeEncodeError) as error:
        raise NotSignedIn("The identity token is not valid for this desk.") from error
