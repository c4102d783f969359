"""Signed-in customers over HTTP: found again on another device, not kept after they sign out, forgotten by name."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import CARD, TwoDesks, ask, error
from tests.agent.test_identities import signed


@pytest.fixture
def secret(admin: httpx.Client) -> Iterator[str]:
    yield str(admin.post("/v1/admin/desk/identity-secret").raise_for_status().json()["secret"])
    admin.delete("/v1/admin/desk/identity-secret").raise_for_status()


@pytest.fixture
def site_key(admin: httpx.Client) -> str:
    return str(admin.get("/v1/admin/desk").json()["site_key"])


def opened(client: httpx.Client, site_key: str, identity: str | None, token: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}" if token else ""}
    return client.post("/v1/chat/session", json={"site_key": site_key, "identity": identity}, headers=headers)


def test_a_customer_is_the_same_on_every_device(visitor: httpx.Client, site_key: str, secret: str) -> None:
    first = opened(visitor, site_key, signed(secret, sub="ann of api")).json()
    assert first["conversation_id"] is None
    visitor.headers["authorization"] = f"Bearer {first['token']}"
    turn = ask(visitor, CARD)
    again: dict[str, Any] = opened(visitor, site_key, signed(secret, sub="ann of api")).json()
    assert again["visitor_id"] == first["visitor_id"]
    assert again["conversation_id"] == turn["conversation_id"]
    other = opened(visitor, site_key, signed(secret, sub="bob of api")).json()
    assert other["conversation_id"] is None
    visitor.headers["authorization"] = f"Bearer {other['token']}"
    error(visitor.get(f"/v1/conversations/{turn['conversation_id']}/messages"), 403, "not_allowed")


def test_who_signed_out_is_somebody_else(visitor: httpx.Client, site_key: str, secret: str) -> None:
    ann = opened(visitor, site_key, signed(secret)).json()
    after = opened(visitor, site_key, None, ann["token"]).json()
    assert after["visitor_id"] not in (ann["visitor_id"], None)
    assert after["conversation_id"] is None


def test_a_site_speaks_for_its_own_desk_only(desks: TwoDesks) -> None:
    secret = desks.other.post("/v1/admin/desk/identity-secret").json()["secret"]
    key = desks.demo.get("/v1/admin/desk").json()["site_key"]
    try:
        assert "no identity secret" in error(opened(desks.demo, key, signed(secret)), 401, "not_signed_in")
        desks.demo.post("/v1/admin/desk/identity-secret").raise_for_status()
        error(opened(desks.demo, key, signed(secret)), 401, "not_signed_in")
    finally:
        for client in (desks.demo, desks.other):
            client.delete("/v1/admin/desk/identity-secret").raise_for_status()


def test_a_customer_is_forgotten_by_the_sites_name(
    visitor: httpx.Client, admin: httpx.Client, site_key: str, secret: str
) -> None:
    token = opened(visitor, site_key, signed(secret, sub="cleo")).json()["token"]
    visitor.headers["authorization"] = f"Bearer {token}"
    ask(visitor, CARD)
    done = admin.post("/v1/admin/erasures", json={"customer": "cleo"})
    assert (done.status_code, done.json()["counts"]["conversations"]) == (201, 1)
    assert opened(visitor, site_key, signed(secret, sub="cleo")).json()["conversation_id"] is None
    two = {"customer": "cleo", "visitor_id": "vis_1"}
    assert "exactly one" in error(admin.post("/v1/admin/erasures", json=two), 422, "bad_input")


def test_the_secret_is_shown_once(admin: httpx.Client, secret: str) -> None:
    assert secret not in admin.get("/v1/admin/desk").text
    assert admin.post("/v1/admin/desk/identity-secret").json()["secret"] != secret
