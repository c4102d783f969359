"""Where helpdesks post: who may, what is refused, what is stored once, and how an outage is told."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import HTTPException
from starlette.requests import Request

from agent.api.deps import Service
from agent.api.webhooks import receive_event
from agent.database import Database
from agent.limits import Limits
from agent.office import Office
from agent.settings import Settings
from agent.streams import Streams
from skills.meanings import Meanings
from tests.agent.api.conftest import error
from tests.chatwoot import SECRET, message, signed
from tests.conftest import wait_for
from tests.front import signed as front_signed
from tests.slack import signed as slack_signed

REPEATS = 50


@pytest.fixture
def endpoint(admin: httpx.Client) -> Iterator[str]:
    """A Chatwoot's endpoint; what it is told is only read."""
    body = {
        "name": "cw-in",
        "kind": "chatwoot",
        "mode": "watch",
        "url": "https://chat.example",
        "secret": SECRET,
        "credentials": {"account_id": 3, "token": "bot-token"},
    }
    made = admin.post("/v1/admin/connections", json=body)
    assert made.status_code == 201, made.text
    assert "bot-token" not in made.text
    yield made.json()["endpoint"]
    admin.delete("/v1/admin/connections/cw-in")


def post(client: httpx.Client, endpoint: str, body: bytes, **headers: str) -> httpx.Response:
    return client.post(endpoint, content=body, headers={**signed(body, datetime.now(UTC)), **headers})


def bytes_of(**changed: Any) -> bytes:
    return json.dumps(message(1, "hello there", **changed)).encode()


def events(admin: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.get("/v1/admin/events", params={"connection": "cw-in"}).json()
    return found


def test_the_same_message_many_times_at_once_is_one_event_and_one_turn(admin: httpx.Client, endpoint: str) -> None:
    body = bytes_of()
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: post(admin, endpoint, body), range(REPEATS)))
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(answer.json()["status"] for answer in answers) == ["accepted"] + ["known"] * (REPEATS - 1)
    wait_for(lambda: [event["status"] for event in events(admin)] == ["handled"])
    [event] = events(admin)
    turn = admin.get(f"/v1/admin/turns/{event['turn_id']}").json()
    read = admin.get(f"/v1/admin/conversations/{turn['conversation_id']}").json()
    assert [said["text"] for said in read["messages"] if said["author"] == "customer"] == ["hello there"]
    assert admin.get("/v1/admin/deliveries", params={"event": event["id"]}).json() == []


def test_what_is_not_signed_by_its_secret_is_nobodys(admin: httpx.Client, endpoint: str) -> None:
    body = bytes_of()
    error(post(admin, endpoint, body, **{"x-chatwoot-signature": "sha256=00"}), 401, "not_signed_in")
    error(admin.post(endpoint, content=body), 401, "not_signed_in")
    other = endpoint.replace("chatwoot", "standard")
    error(post(admin, other, body), 404, "not_found")
    error(post(admin, endpoint.replace("chatwoot", "carrier-pigeon"), body), 404, "not_found")
    error(post(admin, endpoint + "x", body), 404, "not_found")
    assert events(admin) == []


def test_what_is_signed_and_makes_no_sense_is_kept_and_said_so(admin: httpx.Client, endpoint: str) -> None:
    strange = [b"no json", b"", b"[" * 50_000, bytes_of(message_type=5), b'{"event": "conversation_typing_on"}']
    for body in strange:
        assert post(admin, endpoint, body).status_code == 202, body[:20]
    error(post(admin, endpoint, b"x" * 10_000_000), 413, "too_large")
    wait_for(lambda: {event["status"] for event in events(admin)} == {"ignored", "failed"})
    found = events(admin)
    assert len(found) == len(strange)
    [failed] = [event for event in found if event["status"] == "failed"]
    assert failed["error"].startswith("Event field message_type")


def test_a_connection_that_lacks_something_is_refused(admin: httpx.Client) -> None:
    body = {"name": "cw-bad", "kind": "chatwoot", "url": "https://chat.example", "credentials": {"account_id": 3}}
    assert "token" in error(admin.post("/v1/admin/connections", json=body), 422, "bad_input")
    body |= {"kind": "standard"}
    assert "no credentials" in error(admin.post("/v1/admin/connections", json=body), 422, "bad_input")
    error(admin.post("/v1/admin/connections", json={**body, "kind": "fax"}), 422, "bad_input")
    error(admin.patch("/v1/admin/connections/nobody", json={"mode": "watch"}), 404, "not_found")


@pytest.mark.parametrize(
    ("kind", "status"), [("chatwoot", 429), ("standard", 503), ("hubspot", 503), ("sunshine", 503)]
)
def test_while_the_database_is_away_each_helpdesk_is_told_to_try_again(office: Office, kind: str, status: int) -> None:
    away = replace(office, database=Database("postgresql://nobody@127.0.0.1:1/none", pool=1))
    meanings = Meanings(office.backbone, office.reader)
    service = Service(Settings(), away, Streams(), Limits(Settings().redis_url), b"", meanings)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": [], "path": "/"}, receive)
    with pytest.raises(HTTPException) as told:
        asyncio.run(receive_event(kind, "con_1", request, service))
    assert (told.value.status_code, told.value.headers) == (status, {"retry-after": "2"})
    away.database.close()


def test_an_endpoint_says_that_it_is_there(admin: httpx.Client, endpoint: str) -> None:
    assert admin.head(endpoint).status_code == 200
    assert admin.head(endpoint.replace("chatwoot", "carrier-pigeon")).status_code == 404
    assert events(admin) == []


def asks(kind: str) -> tuple[bytes, dict[str, str]]:
    """Return what a helpdesk asks before it stores an address, signed."""
    now = datetime.now(UTC)
    if kind == "front":
        body = b'{"type": "sync", "authorization": {"id": "cmp_1"}}'
        return body, {"x-front-challenge": "c-1", **front_signed(body, SECRET, now)}
    body = b'{"type": "url_verification", "challenge": "c-1", "token": "old"}'
    return body, slack_signed(body, SECRET, now)


@pytest.mark.parametrize(("kind", "access"), [("front", {"token": "t", "user_id": "tea_2"}), ("slack", {"token": "t"})])
def test_a_helpdesks_signed_question_is_answered_and_not_stored(
    admin: httpx.Client, kind: str, access: dict[str, str]
) -> None:
    chosen = {"name": "asking", "kind": kind, "url": "https://desk.example", "secret": SECRET, "credentials": access}
    endpoint = admin.post("/v1/admin/connections", json=chosen).json()["endpoint"]
    body, headers = asks(kind)
    answer = admin.post(endpoint, content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "c-1"})
    for wrong in ({"x-front-challenge": "c-1"}, {**headers, f"x-{kind}-signature": "v0=00"}):
        error(admin.post(endpoint, content=body, headers=wrong), 401, "not_signed_in")
    assert admin.get("/v1/admin/events", params={"connection": "asking"}).json() == []
    admin.delete("/v1/admin/connections/asking")
