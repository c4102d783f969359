"""A desk's endpoints over HTTP, and what a real receiver is told by a running installation."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.agent.api.conftest import CARD, HUMAN, TwoDesks, ask, error
from tests.conftest import wait_for
from tests.receiver import Receiver

ENDPOINTS = "/v1/admin/endpoints"


@pytest.fixture
def ops(admin: httpx.Client, receiver: Receiver) -> Iterator[dict[str, Any]]:
    """An endpoint that wants everything, at a receiver that takes it."""
    made = admin.post(ENDPOINTS, json={"name": "ops", "url": receiver.address("200")})
    assert made.status_code == 201, made.text
    yield made.json()
    admin.delete(f"{ENDPOINTS}/ops")


def heard(receiver: Receiver, endpoint: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Wait until so many events have arrived; return them verified."""
    wait_for(lambda: len(receiver.got) >= count)
    return [Webhook(endpoint["secret"]).verify(body, headers) for _, body, headers in receiver.got]


def test_a_conversation_is_told_from_its_first_answer_to_its_rating(
    admin: httpx.Client, visitor: httpx.Client, receiver: Receiver, ops: dict[str, Any]
) -> None:
    turn = ask(visitor, CARD)
    for rating in ("down", "down", "up"):
        visitor.post(f"/v1/turns/{turn['turn_id']}/feedback", json={"rating": rating}).raise_for_status()
    ask(visitor, HUMAN, turn["conversation_id"])
    path = f"/v1/admin/conversations/{turn['conversation_id']}"
    admin.post(f"{path}/give-back").raise_for_status()
    admin.post(f"{path}/close").raise_for_status()
    for rating in ("bad", "bad", "good"):
        body = {"rating": rating, "remark": "my own words"}
        visitor.post(f"/v1/conversations/{turn['conversation_id']}/rating", json=body).raise_for_status()
    told = heard(receiver, ops, 8)
    assert [(event["type"], event["data"].get("rating")) for event in told] == [
        ("turn.answered", None),
        ("turn.rated", "down"),
        ("turn.rated", "up"),
        ("conversation.escalated", None),
        ("conversation.given_back", None),
        ("conversation.closed", None),
        ("conversation.rated", "bad"),
        ("conversation.rated", "good"),
    ]
    assert {event["data"]["conversation_id"] for event in told} == {turn["conversation_id"]}
    assert [event["timestamp"] for event in told] == sorted(event["timestamp"] for event in told)
    for words in (CARD, HUMAN, "my own words"):
        assert words not in str(told)
    newest_first = [headers["webhook-id"] for _, _, headers in reversed(receiver.got)]

    def sent() -> list[str]:
        listed = admin.get(f"{ENDPOINTS}/ops/events", params={"status": "sent"}).json()
        return [row["id"] for row in listed]

    # A receiver has an event before the worker has stored its answer.
    wait_for(lambda: len(sent()) == len(newest_first))
    assert sent() == newest_first


def test_the_secret_is_shown_once_and_replaced(admin: httpx.Client, receiver: Receiver, ops: dict[str, Any]) -> None:
    assert ops["secret"].startswith("whsec_")
    assert ops["secret"] not in admin.get(ENDPOINTS).text
    made = admin.post(f"{ENDPOINTS}/ops/secret")
    assert made.status_code == 201
    newer = made.json()["secret"]
    assert newer != ops["secret"]
    assert admin.post(f"{ENDPOINTS}/ops/test").status_code == 202
    for secret in (ops["secret"], newer):
        [event] = heard(receiver, {"secret": secret}, 1)
        assert (event["type"], event["data"]) == ("endpoint.test", {"endpoint": "ops"})


def test_an_endpoint_is_listed_changed_disabled_enabled_and_removed(admin: httpx.Client, ops: dict[str, Any]) -> None:
    path = f"{ENDPOINTS}/ops"
    assert "already" in error(admin.post(ENDPOINTS, json={"name": "ops", "url": ops["url"]}), 409, "conflict")
    changed = admin.patch(path, json={"types": ["skill.promoted", "turn.rated", "turn.rated"]}).json()
    assert (changed["types"], changed["url"], changed["enabled"]) == (
        ["skill.promoted", "turn.rated"],
        ops["url"],
        True,
    )
    off = admin.patch(path, json={"enabled": False}).json()
    assert (off["enabled"], off["disabled_reason"]) == (False, "Disabled by frostdesk up.")
    again = admin.patch(path, json={"enabled": False}).json()
    assert again["disabled_at"] == off["disabled_at"]
    for call in ("test", "resend"):
        assert "enable it first" in error(admin.post(f"{path}/{call}"), 409, "conflict")
    on = admin.patch(path, json={"enabled": True}).json()
    assert (on["enabled"], on["disabled_reason"], on["disabled_at"]) == (True, None, None)
    assert admin.post(f"{path}/resend").json() == {"queued": 0}
    error(admin.post(f"{path}/resend", json={"event": "out_0"}), 404, "not_found")
    assert [row["name"] for row in admin.get(ENDPOINTS).json()] == ["ops"]
    assert admin.delete(path).status_code == 204
    error(admin.delete(path), 404, "not_found")
    assert admin.get(ENDPOINTS).json() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "x", "url": "ftp://ops.example"}, "https"),
        ({"name": "x", "url": "nonsense"}, "https"),
        ({"name": "x", "url": "https://ops.example", "types": ["card.lost"]}, "types"),
        ({"name": "An Endpoint", "url": "https://ops.example"}, "name"),
        ({"name": "x"}, "url"),
    ],
)
def test_what_cannot_be_used_is_refused(admin: httpx.Client, body: dict[str, Any], words: str) -> None:
    assert words in error(admin.post(ENDPOINTS, json=body), 422, "bad_input")
    assert admin.get(ENDPOINTS).json() == []


def test_another_desk_neither_sees_nor_changes_an_endpoint(desks: TwoDesks, receiver: Receiver) -> None:
    made = desks.demo.post(ENDPOINTS, json={"name": "ops", "url": receiver.address("500")}).json()
    path = f"{ENDPOINTS}/ops"
    try:
        desks.demo.post(f"{path}/test").raise_for_status()
        [event] = desks.demo.get(f"{path}/events").json()
        assert desks.other.get(ENDPOINTS).json() == []
        calls: list[tuple[str, str, Any]] = [
            ("GET", "/events", None),
            ("PATCH", "", {"enabled": False}),
            ("POST", "/secret", None),
            ("POST", "/test", None),
            ("POST", "/resend", {"event": event["id"]}),
            ("DELETE", "", None),
        ]
        for method, action, body in calls:
            error(desks.other.request(method, f"{path}{action}", json=body), 404, "not_found")
        mine = desks.other.post(ENDPOINTS, json={"name": "ops", "url": receiver.address("200")})
        assert mine.status_code == 201, "a name is a desk's own"
        error(desks.other.post(f"{path}/resend", json={"event": event["id"]}), 404, "not_found")
        desks.other.delete(path).raise_for_status()
        wait_for(lambda: receiver.got)
        ask(desks.demo, CARD)
        wait_for(lambda: len(receiver.got) > 1)
        assert {path for path, _, _ in receiver.got} == {"/500"}
        assert [row["id"] for row in desks.demo.get(ENDPOINTS).json()] == [made["id"]]
    finally:
        desks.demo.delete(path)
