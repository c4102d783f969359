"""Endpoints by command, told to the receiver that the guide shows."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from frostdesk.queue_server import free_port
from tests.conftest import Running, wait_for
from tests.frostdesk.conftest import CARD, done, refused, shown
from tests.receiver import Receiver

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "events.md"


@contextmanager
def guides_receiver(secret: str, port: int, output: Path) -> Iterator[None]:
    """Run the receiver of the guide, to the letter."""
    program = GUIDE.read_text().partition("```python\n")[2].partition("```")[0]
    env = {**os.environ, "FROSTDESK_SECRET": secret, "PORT": str(port)}
    with output.open("wb") as sink:
        process = subprocess.Popen([sys.executable, "-c", program], env=env, stdout=sink, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port))
        yield
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 501
    except httpx.HTTPError:
        return False


@pytest.fixture
def pager(server: Running) -> Iterator[dict[str, str]]:
    """An endpoint at a port where nobody listens yet."""
    url = f"http://127.0.0.1:{free_port()}/"
    yield shown(server.command("endpoint", "new", "pager", url, "--type", "turn.answered", "--json"))
    server.command("endpoint", "delete", "pager")


def test_the_guides_receiver_is_told_and_refuses_what_others_signed(
    server: Running, pager: dict[str, str], tmp_path: Path
) -> None:
    output, port = tmp_path / "said", int(pager["url"].split(":")[-1].strip("/"))
    failed = refused(server.command("endpoint", "test", "pager"), 2)
    assert "did not arrive: ConnectError" in failed
    with guides_receiver(pager["secret"], port, output):
        assert "has arrived: the endpoint answered 204" in done(server.command("endpoint", "test", "pager"))
        with closing(server.visitor()) as visitor:
            visitor.post("/v1/chat", json={"message": CARD}).raise_for_status()
        wait_for(lambda: "turn.answered" in output.read_text())
        assert 'endpoint.test {"endpoint": "pager"}' in output.read_text()
        newer = shown(server.command("endpoint", "change", "pager", "--new-secret", "--json"))["secret"]
        done(server.command("endpoint", "test", "pager"))
    with guides_receiver(newer, port, output):
        done(server.command("endpoint", "test", "pager"))
    with guides_receiver("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=", port, output):
        assert "answered 401" in refused(server.command("endpoint", "test", "pager"), 2)


def test_an_endpoint_is_made_listed_changed_and_removed(server: Running) -> None:
    said = done(server.command("endpoint", "new", "ops", "http://127.0.0.1:1/hook"))
    assert "ops  http://127.0.0.1:1/hook  all events" in said
    secret = said.split()[-1]
    assert secret.startswith("whsec_")
    assert "already" in refused(server.command("endpoint", "new", "ops", "https://ops.example"), 2)
    assert "types" in refused(server.command("endpoint", "change", "ops", "--type", "card.lost"), 2)
    changed = done(server.command("endpoint", "change", "ops", "--type", "skill.promoted", "--url", "http://[::1]:1/"))
    assert changed.startswith("ops  http://[::1]:1/  skill.promoted\n")
    assert "all events" in done(server.command("endpoint", "change", "ops", "--type", "all"))
    assert "Say what to change" in refused(server.command("endpoint", "change", "ops"), 2)
    off = done(server.command("endpoint", "change", "ops", "--disable"))
    assert "disabled: Disabled by frostdesk up.; 0 waiting, 0 dead" in off
    assert "enable it first" in refused(server.command("endpoint", "test", "ops"), 2)
    assert "enabled; 0 waiting" in done(server.command("endpoint", "change", "ops", "--enable"))
    assert secret not in done(server.command("endpoint", "list"))
    assert done(server.command("endpoint", "delete", "ops")) == "Removed.\n"
    assert "no endpoint called 'ops'" in refused(server.command("endpoint", "delete", "ops"), 2)


def test_what_did_not_arrive_is_listed_and_sent_again(server: Running, receiver: Receiver) -> None:
    done(server.command("endpoint", "new", "gone", receiver.address("410")))
    try:
        assert "answered 410" in refused(server.command("endpoint", "test", "gone"), 2)
        assert "disabled: It answered 410" in done(server.command("endpoint", "list"))
        listed = done(server.command("endpoint", "events", "gone", "--status", "dead"))
        [row] = shown(server.command("endpoint", "events", "gone", "--json"))
        assert row["id"] in listed
        assert "The endpoint answered 410." in listed
        done(server.command("endpoint", "change", "gone", "--url", receiver.address("200"), "--enable"))
        assert done(server.command("endpoint", "resend", "gone")) == "Queued: 1.\n"
        wait_for(lambda: len(receiver.got) == 2)
        assert {headers["webhook-id"] for _, _, headers in receiver.got} == {row["id"]}
        wait_for(lambda: shown(server.command("endpoint", "events", "gone", "--json"))[0]["status"] == "sent")
        again = refused(server.command("endpoint", "resend", "gone", "--event", row["id"]), 2)
        assert "arrived already" in again
    finally:
        done(server.command("endpoint", "delete", "gone"))
