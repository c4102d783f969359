"""From starting an API process to its first answer, against loading the backbone with transformers.

    python bench/cold_start.py [--quick] [--json]

The installation is there: a migrated embedded database with the demo desk. Both sides are new processes, alternately.
"""

import os
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from figures import Figure, paired, show
from turn import call

from agent.database import Database
from agent.demo_desk import load_demo
from agent.schema_revision import migrate
from agent.settings import Settings
from frostdesk.queue_server import free_port
from skills import DEFAULT_BACKBONE
from skills.loading import find_folder

STARTS, QUICK_STARTS = 4, 2
GOAL, PATIENCE = 1.5, 60.0
LOAD = "import sys; from transformers import AutoModel; AutoModel.from_pretrained(sys.argv[1])"


def measure(quick: bool) -> list[Figure]:
    """Return the ratio of both times."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), database_url="", port=free_port(8720))
        migrate(settings.database)
        database = Database(settings.database, pool=1)
        with database.writing() as session:
            site_key = load_demo(session).site_key
        database.close()
        pairs = [(_first_answer(settings, site_key), _loaded()) for _ in range(1 + (QUICK_STARTS if quick else STARTS))]
    ours, theirs = zip(*pairs[1:], strict=True)  # the first pair reads everything from disk
    return [paired("cold start to the first answer: loading with transformers", ours, theirs, "at most", GOAL)]


def _first_answer(settings: Settings, site_key: str) -> float:
    """Return seconds from the start of an API process to a visitor's first answer."""
    env = {
        **os.environ,
        "FROSTDESK_DATA": str(settings.data),
        "FROSTDESK_PORT": str(settings.port),
        "DATABASE_URL": settings.database,
        "REDIS_URL": "redis://127.0.0.1:1/0",  # an API answers without its queue server
    }
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "frostdesk", "api"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        server = _connected(settings, start)
        token = call(server, "/v1/chat/session", "", {"site_key": site_key})["token"]
        call(server, "/v1/chat", token, {"message": "my card still hasn't come"})
        return time.perf_counter() - start
    finally:
        process.kill()
        process.wait()


def _connected(settings: Settings, start: float) -> HTTPConnection:
    """Return a connection to the API, as soon as it takes one."""
    while time.perf_counter() < start + PATIENCE:
        server = HTTPConnection(settings.host, settings.port, timeout=PATIENCE)
        try:
            server.connect()
        except ConnectionRefusedError:
            time.sleep(0.005)  # nothing tells when a port opens
        else:
            return server
    raise SystemExit(f"The API did not answer within {PATIENCE:.0f} s.")


def _loaded() -> float:
    """Return seconds that a new process takes to load the backbone with transformers."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", LOAD, str(find_folder(DEFAULT_BACKBONE))], check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    show(__doc__, measure)
