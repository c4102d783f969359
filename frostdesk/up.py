"""`frostdesk up`: a whole installation under one supervisor.

Queue server (unless REDIS_URL is set), database (SQLite unless DATABASE_URL is set), migrations, API,
two workers and beat; restarted when they die, stopped together by Ctrl-C.
"""

import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO

import httpx
from sqlalchemy import select

from agent.database import Database
from agent.demo_desk import load_demo
from agent.errors import AgentError
from agent.keys import check_key, make_key
from agent.schema_revision import migrate
from agent.settings import Settings
from agent.tables import Desk
from frostdesk.children import Child, python
from frostdesk.keyfile import Access, keyfile, read_keyfile, write_keyfile
from frostdesk.queue_server import free_port, queue_server, wait_for_queue

READY_SECONDS = 120.0
LOOK_SECONDS = 0.2
Say = Callable[[str], None]


class Stopped(Exception):
    """Somebody asked us to stop."""


def run(settings: Settings, demo: bool, say: Say) -> None:
    """Run the installation until SIGINT or SIGTERM. Raises RuntimeError if it cannot start."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _only_one(settings.data):
        children: list[Child] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _stop)
        try:
            _start(settings, demo, say, children)
            while True:
                for child in children:
                    news = child.look()
                    if news:
                        say(news)
                time.sleep(LOOK_SECONDS)
        except Stopped:
            say("stopping")
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            _stop_all(children)
    say("stopped")


def _start(settings: Settings, demo: bool, say: Say, children: list[Child]) -> None:
    env = _environment(settings)
    if "REDIS_URL" not in os.environ:
        queue, env["REDIS_URL"] = queue_server(settings.data, env)
        queue.start()
        children.append(queue)
        wait_for_queue(env["REDIS_URL"])
    port = free_port(settings.port)
    if port != settings.port:
        say(f"port {settings.port} is taken; using {port}")
    env["FROSTDESK_PORT"] = str(port)
    api = _child(settings, env, "api", python("frostdesk", "api"))
    # The API loads the backbone while we migrate; it waits for the database's shape by itself.
    api.start()
    children.append(api)
    url = f"http://{settings.host}:{port}"
    access = _prepare(settings, url, demo)
    _wait_until_ready(url, api)
    say(f"chat page       {url}/")
    say(f"with the widget {url}/site")
    say(f"documentation   {url}/docs")
    say(f"admin key       {keyfile(settings.data)}  (the frostdesk command finds it)")
    say(f"logs            {settings.data / 'logs'}")
    for child in (
        _child(settings, env, "events", python("frostdesk", "worker", "--queue", "events")),
        _child(settings, env, "training", python("frostdesk", "worker", "--queue", "training")),
        _child(settings, env, "beat", python("frostdesk", "beat")),
    ):
        child.start()
        children.append(child)
    say("running; stop with Ctrl-C")
    del access


def _prepare(settings: Settings, url: str, demo: bool) -> Access:
    """Migrate, load the demo desk if there is no desk, make an admin key if the file has none that works."""
    migrate(settings.database)
    database = Database(settings.database, pool=1)
    try:
        with database.writing() as session:
            if demo and session.scalar(select(Desk.id).limit(1)) is None:
                load_demo(session)
            known = read_keyfile(settings.data)
            try:
                key = known.key if known and check_key(session, known.key) else ""
            except AgentError:
                key = ""
            if not key:
                _, key = make_key(session, "frostdesk up", None)
        access = Access(url, key)
        write_keyfile(settings.data, access)
        return access
    finally:
        database.close()


def _wait_until_ready(url: str, api: Child) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz", timeout=2, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        if api.process is None or api.process.poll() is not None:
            raise RuntimeError(f"The API ended while starting; see {api.log}")
        time.sleep(0.1)  # the port opens when the backbone is loaded; nothing tells us when
    raise RuntimeError(f"The API did not become ready in {READY_SECONDS:.0f} s; see {api.log}")


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        "FROSTDESK_DATA": str(settings.data.absolute()),
        "DATABASE_URL": settings.database,
        "REMAP_SIGTERM": "SIGQUIT",  # Celery: stop soon, do not wait for a training to end
        "PYTHONUNBUFFERED": "1",
    }


def _child(settings: Settings, env: dict[str, str], name: str, command: list[str]) -> Child:
    return Child(name, command, env, settings.data / "logs" / f"{name}.log")


def _stop_all(children: list[Child]) -> None:
    """Stop everything that works first, the queue server last."""
    for child in children[1:] if children and children[0].name == "queue" else children:
        child.ask_to_stop()
    for child in reversed(children):
        child.ask_to_stop()
        child.stop()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise Stopped


class _only_one:  # noqa: N801 - reads as a phrase where it is used
    """Hold the data folder, so that two supervisors never share one."""

    def __init__(self, data: Path) -> None:
        self._path = data / "up.lock"
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        self._file = self._path.open("w", encoding="utf-8")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise RuntimeError(f"Another 'frostdesk up' runs on {self._path.parent} already.") from error

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        self._file.close()
