"""Clients of the running server, and what every test asks of its answers."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.conftest import Running, installation

NEARLY = "how much do ramen noodles cost in Japan?"
"""No question for a bank, but near to one that is."""
CARD = "my card still hasn't come"
HUMAN = "this is the third time, get me a human"


@pytest.fixture
def admin(server: Running) -> Iterator[httpx.Client]:
    """A client with the installation's key."""
    with server.admin() as client:
        yield client


@pytest.fixture
def visitor(server: Running) -> Iterator[httpx.Client]:
    """A visitor of the demo desk."""
    with closing(server.visitor()) as client:
        yield client


@pytest.fixture
def stranger(server: Running) -> Iterator[httpx.Client]:
    """Another visitor of the demo desk."""
    with closing(server.visitor()) as client:
        yield client


@dataclass
class TwoDesks:
    """An installation with a second, empty desk; each client works on one of the desks."""

    running: Running
    whole: httpx.Client
    demo: httpx.Client
    other: httpx.Client


@pytest.fixture(scope="session")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoDesks]:
    """An installation of our own, to do to its desks what the shared one must not suffer."""
    with installation(tmp_path_factory.mktemp("two") / "data") as running, running.admin() as whole:
        assert whole.post("/v1/admin/desks", json={"slug": "quiet", "name": "Quiet"}).status_code == 201
        with desk_client(running, whole, "pennywhistle") as demo, desk_client(running, whole, "quiet") as other:
            yield TwoDesks(running, whole, demo, other)


def desk_client(running: Running, whole: httpx.Client, slug: str) -> httpx.Client:
    """Return a client with a new key of one desk."""
    made = whole.post("/v1/admin/keys", params={"desk": slug}, json={"name": f"key of {slug}"}).json()
    return key_client(running, made["key"])


def key_client(running: Running, key: str) -> httpx.Client:
    """Return a client with a key."""
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=running.url, headers=headers, timeout=60, trust_env=False)


def operations(client: httpx.Client) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what the API's document describes: method, path, description."""
    paths = client.get("/openapi.json").json()["paths"]
    return [(method, path, described) for path, item in paths.items() for method, described in item.items()]


def ask(client: httpx.Client, message: str, conversation: str | None = None, **more: Any) -> dict[str, Any]:
    """Say something and return the turn."""
    body = {"message": message, "conversation_id": conversation, **more}
    answer = client.post("/v1/chat", json=body)
    assert answer.status_code == 200, answer.text
    turn: dict[str, Any] = answer.json()
    return turn


def error(answer: httpx.Response, status: int, code: str) -> str:
    """Check that an answer is an error of the one shape; return its sentence."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    assert set(answer.json()) == {"error"}
    said = answer.json()["error"]
    assert set(said) == {"code", "message", "request_id"}
    assert said["code"] == code
    assert said["request_id"].startswith("req_")
    assert said["request_id"] == answer.headers["x-request-id"]
    assert said["message"]
    return str(said["message"])
