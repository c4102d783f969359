"""The supervisor: what dies comes back, what is stopped is gone, what was stored stays."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from frostdesk.queue_server import free_port
from frostdesk.server import worker
from skills import FEW_PROGRAMS
from tests.conftest import START_SECONDS, Running, installation, wait_for
from tests.frostdesk.conftest import CARD, done, refused, shown


def child(running: Running, *words: str) -> psutil.Process:
    """The supervisor's own child whose command line ends with these words."""
    return next(
        process
        for process in psutil.Process(running.process.pid).children()
        if process.cmdline()[-len(words) :] == list(words)
    )


def has_child(running: Running, *words: str) -> bool:
    try:
        child(running, *words)
    except (StopIteration, psutil.Error):
        return False
    return True


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie only waits for its new parent to notice."""
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def answers(running: Running) -> bool:
    try:
        return httpx.get(f"{running.url}/readyz", trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_what_is_killed_comes_back_and_leaves_nothing_behind(own: Running) -> None:
    words = {"api": ("api",), "events": ("worker", "--queue", "events"), "beat": ("beat",)}
    killed = {name: child(own, *command) for name, command in words.items()}
    wait_for(killed["events"].children)  # a worker says that it runs before it has made its own processes
    below = [process for parent in killed.values() for process in parent.children(recursive=True)]
    for process in killed.values():
        process.kill()
    for name, command in words.items():
        wait_for(lambda name=name: f"{name} started again" in own.output.read_text())
        wait_for(lambda command=command: has_child(own, *command))
        assert f"{name} ended with -9; starting it again" in own.output.read_text()
    assert not living([*killed.values(), *below])
    wait_for(lambda: answers(own), START_SECONDS)
    done(own.command("skills"))


def test_a_second_up_on_the_same_folder_is_refused(own: Running) -> None:
    assert "runs on" in refused(own.command("up"), 2)
    done(own.command("skills"))


def start(data: Path, port: int) -> subprocess.Popen[bytes]:
    """Run `frostdesk up` on a folder and a port."""
    output = data.with_suffix(".second")
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "frostdesk", "up", "--demo", "--port", str(port)],
            env={**os.environ, "FROSTDESK_DATA": str(data)},
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    wait_for(lambda: "running" in output.read_text() or process.poll() is not None, START_SECONDS)
    assert process.poll() is None, output.read_text()
    return process


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which something else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_stopping_leaves_no_process_and_starting_again_keeps_the_data(tmp_path: Path, taken: int) -> None:
    data = tmp_path / "data"
    with installation(data) as first:
        children = psutil.Process(first.process.pid).children(recursive=True)
        assert len(children) >= 5
        turn = shown(first.command("ask", CARD, "--json"))
        assert shown(first.command("desk", "create", "quiet", "Quiet", "--json"))["slug"] == "quiet"
    assert first.process.returncode == 0
    assert first.output.read_text().endswith("stopping\nstopped\n")
    assert not living(children)
    second = start(data, taken)
    try:
        said = data.with_suffix(".second").read_text()
        assert f"port {taken} is taken; using " in said
        again = Running("", first.key, data, second, first.output)
        several_desks_must_be_named(again)
        read = done(again.command("conversation", "read", turn["conversation_id"], "--desk", "pennywhistle"))
        assert CARD in read
        assert again.command("skills", "--desk", "quiet", FROSTDESK_KEY=first.key).returncode == 0
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait(60) == 0


def several_desks_must_be_named(running: Running) -> None:
    assert {row["slug"] for row in shown(running.command("desk", "list", "--json"))} == {"pennywhistle", "quiet"}
    assert "say which" in refused(running.command("ask", CARD), 2)
    assert "card-not-arrived" in done(running.command("ask", CARD, "--desk", "pennywhistle"))
    key = done(running.command("key", "new", "quiet only", "--desk", "quiet")).strip()
    assert "quiet" in done(running.command("desk", "list", FROSTDESK_KEY=key))
    assert running.command("skills", FROSTDESK_KEY=key).returncode == 0


def test_an_api_that_cannot_start_is_said_and_ends_the_whole(tmp_path: Path) -> None:
    env = {**os.environ, "FROSTDESK_DATA": str(tmp_path / "data"), "FROSTDESK_BACKBONE": str(tmp_path)}
    command = [sys.executable, "-m", "frostdesk", "up", "--port", str(free_port())]
    result = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert "api.log" in refused(result, 2)
    with Path(tmp_path / "data" / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody holds the folder any more


def test_only_a_worker_that_trains_keeps_few_of_onednns_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FEW_PROGRAMS:
        monkeypatch.setenv(name, "7")  # so that it is gone again afterwards
        monkeypatch.delenv(name)
    monkeypatch.setattr("workers.app.app.worker_main", lambda _arguments: None)
    worker("events")
    assert not FEW_PROGRAMS.keys() & os.environ.keys()
    monkeypatch.setenv("LRU_CACHE_CAPACITY", "99")
    worker("training")
    assert {name: os.environ.get(name) for name in FEW_PROGRAMS} == {**FEW_PROGRAMS, "LRU_CACHE_CAPACITY": "99"}
