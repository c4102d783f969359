"""Helpdesks that post several events at once: each is stored once, in order, all of them or none."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from agent.channels.bodies import MOST_EVENTS
from tests.agent.api.conftest import error
from tests.conftest import Running, wait_for
from tests.hubspot import assigned, signed
from tests.sunshine import GIVEN, event, request
from tests.vendor import bytes_of

SECRET = "webhook-secret"
KNOWN = {
    "sunshine": ("https://shop.zendesk.com", GIVEN),
    "hubspot": ("https://api.hubapi.com", {"token": "pat-na1-token", "user_id": "900"}),
}


@pytest.fixture
def endpoint(admin: httpx.Client, kind: str) -> Iterator[str]:
    """An endpoint of a helpdesk; what it is told is only read."""
    url, credentials = KNOWN[kind]
    body = {"name": "batches", "kind": kind, "mode": "watch", "url": url, "secret": SECRET, "credentials": credentials}
    made = admin.post("/v1/admin/connections", json=body)
    assert made.status_code == 201, made.text
    yield made.json()["endpoint"]
    admin.delete("/v1/admin/connections/batches")


def events(admin: httpx.Client) -> list[dict[str, Any]]:
    """What was posted, the oldest first."""
    found: list[dict[str, Any]] = admin.get("/v1/admin/events", params={"connection": "batches"}).json()
    return found[::-1]


def post(admin: httpx.Client, endpoint: str, *several: Any) -> httpx.Response:
    return admin.post(endpoint, content=bytes_of(request(*several)), headers={"x-api-key": SECRET})


@pytest.mark.parametrize("kind", ["sunshine"])
def test_several_events_are_each_stored_once_and_read_in_their_order(admin: httpx.Client, endpoint: str) -> None:
    words = ["hello there", "my card is lost", "and what does a new one cost", "thank you"]
    several = [event(number, text) for number, text in enumerate(words)]
    assert post(admin, endpoint, *several).json() == {"status": "accepted"}
    assert post(admin, endpoint, *several).json() == {"status": "known"}
    assert post(admin, endpoint, several[1], event(9, "bye"), event(9, "bye")).json() == {"status": "accepted"}
    wait_for(lambda: {row["status"] for row in events(admin)} == {"handled"})
    found = events(admin)
    assert [row["event_id"] for row in found] == ["ev0", "ev1", "ev2", "ev3", "ev9"]
    assert {row["attempt"] for row in found} == {1}
    turn = admin.get(f"/v1/admin/turns/{found[0]['turn_id']}").json()
    read = admin.get(f"/v1/admin/conversations/{turn['conversation_id']}").json()
    assert [said["text"] for said in read["messages"] if said["author"] == "customer"] == [*words, "bye"]


@pytest.mark.parametrize("kind", ["sunshine"])
def test_of_too_many_events_or_of_a_wrong_secret_none_is_stored(admin: httpx.Client, endpoint: str) -> None:
    several = [event(number, "secret words") for number in range(MOST_EVENTS + 1)]
    told = error(post(admin, endpoint, *several), 422, "bad_input")
    assert told == "A request holds at most 100 events; send the rest in another."
    wrong = admin.post(endpoint, content=bytes_of(request(several[0])), headers={"x-api-key": "other"})
    error(wrong, 401, "not_signed_in")
    assert events(admin) == []


@pytest.mark.parametrize("kind", ["sunshine"])
def test_a_request_without_events_is_kept_and_ignored(admin: httpx.Client, endpoint: str) -> None:
    for body in (b"no json", bytes_of(request())):
        answer = admin.post(endpoint, content=body, headers={"x-api-key": SECRET})
        assert answer.json() == {"status": "accepted"}
    wait_for(lambda: [row["status"] for row in events(admin)] == ["ignored"] * 2)


@pytest.mark.parametrize("kind", ["hubspot"])
def test_a_signature_is_of_our_own_address_whatever_the_request_says(
    admin: httpx.Client, server: Running, endpoint: str
) -> None:
    assert endpoint.startswith(f"{server.url}/webhooks/hubspot/con_")
    body, now = bytes_of([assigned(1, "77"), assigned(2, None)]), int(datetime.now(UTC).timestamp() * 1000)
    other = endpoint.replace("http://127.0.0.1", "https://elsewhere.example")
    for headers in (
        {**signed(body, SECRET, other, now), "host": "elsewhere.example", "x-forwarded-proto": "https"},
        signed(body, SECRET, f"{endpoint}?x=1", now),
        signed(body, SECRET, endpoint, now + 301_000 + 60_000),
    ):
        told = error(admin.post(endpoint, content=body, headers=headers), 401, "not_signed_in")
        assert "FROSTDESK_PUBLIC_URL" in told
    assert events(admin) == []
    headers = {**signed(body, SECRET, endpoint, now), "host": "elsewhere.example"}
    assert admin.post(endpoint, content=body, headers=headers).status_code == 202
    wait_for(lambda: [row["status"] for row in events(admin)] == ["handled", "ignored"])
    assert [row["event_id"] for row in events(admin)] == ["event:1001:7001", "event:1002:7001"]
