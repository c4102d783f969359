"""A site vouches for its customers."""

from datetime import timedelta

import jwt
import pytest

from agent.errors import NotSignedIn
from agent.identities import customer_id, identify, new_identity_secret
from agent.tables import Desk, utc_now

SECRET = new_identity_secret()
DESK = Desk(id="desk_1", identity_secret=SECRET)


def signed(secret: str = SECRET, algorithm: str = "HS256", **claims: object) -> str:
    told = {"sub": "ann", "exp": utc_now() + timedelta(minutes=5), **claims}
    return jwt.encode({name: value for name, value in told.items() if value is not None}, secret, algorithm)


def test_the_same_customer_has_the_same_id_and_only_on_this_desk() -> None:
    assert identify(DESK, signed()) == identify(DESK, signed(iat=utc_now())) == customer_id("desk_1", "ann")
    assert identify(DESK, signed(sub="bob")) != customer_id("desk_1", "ann") != customer_id("desk_2", "ann")
    assert "ann" not in customer_id("desk_1", "ann")


def test_an_audience_of_the_sites_own_does_no_harm() -> None:
    assert identify(DESK, signed(aud="chat")) == customer_id("desk_1", "ann")


@pytest.mark.parametrize(
    "token",
    [
        signed(new_identity_secret()),
        signed(sub=None),
        signed(sub=""),
        signed(sub="x" * 201),
        signed(exp=None),
        signed(exp=utc_now() - timedelta(minutes=2)),
        signed("", "none"),
        signed(SECRET + SECRET, "HS512"),
        "nonsense",
        "",
        "a.b.\ud800",
    ],
    ids=[
        "another secret",
        "nobody",
        "empty",
        "long",
        "endless",
        "ended",
        "unsigned",
        "another algorithm",
        "no token",
        "nothing",
        "half a character",
    ],
)
def test_anything_off_is_refused(token: str) -> None:
    with pytest.raises(NotSignedIn):
        identify(DESK, token)


def test_a_desk_without_a_secret_knows_nobody() -> None:
    with pytest.raises(NotSignedIn, match="no identity secret"):
        identify(Desk(id="desk_1", identity_secret=None), signed())
