"""Office hours over HTTP: set, shown, and told to visitors."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from agent.hours import DAYS
from tests.agent.api.conftest import TwoDesks, ask, error, key_client
from tests.agent.api.test_streams import events, follow
from tests.conftest import wait_for

PATH = "/v1/admin/desk/hours"
ALWAYS = {"times": None, "zone": None, "available": True, "back_at": None}


@pytest.fixture
def quiet(desks: TwoDesks) -> Iterator[httpx.Client]:
    """A key of a desk that may keep hours while a test runs."""
    yield desks.other
    desks.other.delete(PATH).raise_for_status()


@pytest.fixture
def guest(desks: TwoDesks) -> Iterator[httpx.Client]:
    """A visitor of that desk."""
    [desk] = desks.other.get("/v1/admin/desks").json()
    with closing(key_client(desks.running, "none")) as client:
        token = client.post("/v1/chat/session", json={"site_key": desk["site_key"]}).json()["token"]
        client.headers["authorization"] = f"Bearer {token}"
        yield client


def closed_now() -> tuple[str, str]:
    """Return hours (UTC) outside of which this is, and when they begin."""
    day = datetime.now(UTC).date() + timedelta(days=3)
    return f"{DAYS[day.weekday()]} 10:00-11:00", f"{day}T10:00:00Z"


def put(client: httpx.Client, times: str, zone: str = "UTC") -> dict[str, Any]:
    answer = client.put(PATH, json={"times": times, "zone": zone})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def test_hours_come_and_go(quiet: httpx.Client) -> None:
    assert quiet.get(PATH).json() == ALWAYS
    times, back = closed_now()
    shown = put(quiet, times)
    assert shown == {"times": times, "zone": "UTC", "available": False, "back_at": back}
    assert quiet.get(PATH).json() == shown
    assert quiet.get("/v1/admin/desk").json()["policy"]["hours"] == {"times": times, "zone": "UTC"}
    shown = put(quiet, "mon-sun 00:00-24:00", "Europe/Berlin")
    assert (shown["zone"], shown["available"], shown["back_at"]) == ("Europe/Berlin", True, None)
    assert quiet.delete(PATH).status_code == 204
    assert quiet.delete(PATH).status_code == 204
    assert quiet.get(PATH).json() == ALWAYS
    assert "hours" not in quiet.get("/v1/admin/desk").json()["policy"]


def test_other_changes_of_the_desk_leave_its_hours(quiet: httpx.Client) -> None:
    times, _ = closed_now()
    put(quiet, times)
    quiet.patch("/v1/admin/desk", json={"error_budget": 0.05}).raise_for_status()
    assert quiet.get(PATH).json()["times"] == times
    put(quiet, "mon 09:00-17:00")
    assert quiet.get("/v1/admin/desk").json()["policy"]["error_budget"] == 0.05
    quiet.patch("/v1/admin/desk", json={"error_budget": None}).raise_for_status()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"times": "mon 09:00-17:00"},
        {"times": "mon 09:00-17:00", "zone": "Europe"},
        {"times": "mon 09:00-17:00", "zone": "Mars"},
        {"times": "mondays", "zone": "UTC"},
        {"times": "mon 09:00-17:00, " * 30 + "tue 09:00-17:00", "zone": "UTC"},
        {"times": None, "zone": None},
    ],
)
def test_hours_that_make_no_sense_change_nothing(quiet: httpx.Client, body: dict[str, Any]) -> None:
    error(quiet.put(PATH, json=body), 422, "bad_input")
    assert quiet.get(PATH).json() == ALWAYS


def test_a_visitor_is_told_when_somebody_is_there_next(quiet: httpx.Client, guest: httpx.Client) -> None:
    conversation = ask(guest, "hello")["conversation_id"]

    def told() -> tuple[bool, str | None]:
        shown = guest.get(f"/v1/conversations/{conversation}/messages").json()
        return shown["available"], shown["back_at"]

    assert told() == (True, None)
    times, back = closed_now()
    put(quiet, times)
    wait_for(lambda: told() == (False, back))
    with follow(guest, conversation) as answer:
        _, shown = next(events(answer))
    assert (shown["available"], shown["back_at"]) == (False, back)
    seen = quiet.get(f"/v1/admin/conversations/{conversation}").json()
    assert (seen["available"], seen["back_at"]) == (False, back)
    put(quiet, "mon-sun 00:00-24:00")
    wait_for(lambda: told() == (True, None))
