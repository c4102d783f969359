"""Random requests, made of the API's own document: none breaks the server, every answer is one the document names.

The API works on PostgreSQL, which takes less than SQLite does: no null character, no number out of its range.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.api.conftest import operations
from tests.agent.api.throwaway import Throwaway, throwaway
from tests.conftest import fresh_postgres

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "5"))
"""Random requests to each operation, beside some 2000 that try one bound or type after the other."""
MOST_SECONDS = 300 + 60 * EXAMPLES
NO_JSON = [
    b"{",
    b'{"message": ',
    b"hello",
    b'{"message": "a\nb"}',
    b'{"message": "\xff"}',
    b"\x00",
    b"1" * 10_000,
    b"[" * 30_000,
    b'{"a":' * 9000 + b"1" + b"}" * 9000,
]
NO_OBJECTS = [b"[]", b'"hello"', b"5", b"true", b'{"\\ud800": "\\udfff"}', b"[" * 500 + b"]" * 500]
NO_NAMES = [
    *("%00", "a%0Ab", "%1B%5B31m", "%7F", "%FF%FE", "%ED%A0%80", "%2E%2E%2F%2E%2E", "%F0%9F%99%82", "%20"),
    *("'%3B--", "%3Cscript%3E", "%25s", "-1", "99999999999999999999", "x" * 5000),
]


@pytest.fixture(scope="module")
def api(
    postgres: str, demo_template: str, queue_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Throwaway]:
    """An API over two desks that may be spoilt."""
    own_queue = f"{queue_url.removesuffix('/0')}/9"
    with fresh_postgres(postgres, demo_template) as url:
        with throwaway(url, own_queue, tmp_path_factory.mktemp("throwaway")) as running:
            yield running
            assert "unexpected_error" not in running.log.read_text()


@pytest.fixture
def admin(api: Throwaway) -> Iterator[httpx.Client]:
    """A client with a key of the desk that is spare."""
    with api.client("spare") as client:
        yield client


def taking(client: httpx.Client, kind: str) -> list[tuple[str, str]]:
    """Method and path of the operations that take a body of a kind; events are stored as they are: test_webhooks."""
    found = [
        (method, re.sub(r"\{\w+\}", "1", path))
        for method, path, described in operations(client)
        if any(name.startswith(kind) for name in described.get("requestBody", {}).get("content", {}))
    ]
    assert len(found) > 25
    return [(method, path) for method, path in found if not path.startswith("/webhooks/1/")]


def test_what_is_no_json_is_refused_everywhere(admin: httpx.Client) -> None:
    for method, path in taking(admin, "application/json"):
        expected = 400 if path in {"/v1/chat/completions", "/mcp"} else 422
        for content in NO_JSON + NO_OBJECTS:
            answer = admin.request(method, path, content=content, headers={"content-type": "application/json"})
            forbidden = path == "/v1/admin/desks" and content in NO_OBJECTS  # this key makes no desks
            assert answer.status_code == (403 if forbidden else expected), (method, path, content[:20], answer.text)


def test_ten_megabytes_are_refused_everywhere_but_in_an_import(admin: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(160):
            yield b"x" * 65_536

    for method, path in taking(admin, ""):
        imported = path.startswith("/v1/admin/import/")
        query = "?form=csv&skill=router" if imported else ""
        for content in (b"".join(chunks()), chunks()):
            answer = admin.request(method, path + query, content=content)
            assert answer.status_code == (422 if imported else 413), (method, path, answer.text)
            assert len(answer.content) < 1000


def test_an_id_or_a_name_that_is_none_breaks_nothing(admin: httpx.Client) -> None:
    for method, path, described in operations(admin):
        parameters = described.get("parameters", [])
        query = "&".join(f"{each['name']}={{0}}" for each in parameters if each["in"] == "query")
        pattern = re.sub(r"\{\w+\}", "{0}", path) + (f"?{query}" if query else "")
        if "{0}" not in pattern:
            continue
        for name in NO_NAMES:
            answer = admin.request(method, pattern.format(name))
            documented = set(described["responses"]) | {"405"}  # with a slash in it, it is another address
            assert str(answer.status_code) in documented, (method, path, name, answer.text)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/admin/connections", {"name": "{0}"}),
        ("PUT", "/v1/admin/intents/{0}", {}),
        ("PUT", "/v1/admin/articles/{0}", {"question": "Why?", "answer": "So."}),
        ("POST", "/v1/admin/desks", {"slug": "{0}", "name": "Many"}),
        ("POST", "/v1/admin/skills/classification/retrain", {}),
    ],
)
def test_what_many_make_at_once_is_made_once(api: Throwaway, method: str, path: str, body: dict[str, str]) -> None:
    with api.client("all") as admin, ThreadPoolExecutor(8) as pool:

        def make(number: int) -> int:
            name = f"many-{number // 8}"  # each name comes eight times
            sent = {field: value.format(name) for field, value in body.items()}
            return admin.request(method, path.format(name), params={"desk": "spare"}, json=sent).status_code

        statuses = list(pool.map(make, range(40)))
    assert set(statuses) <= {200, 201, 202, 409}
    assert set(statuses) & {200, 201, 202}


@pytest.mark.slow
def test_no_request_breaks_the_server_and_every_answer_is_a_documented_one(api: Throwaway, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("fuzz.toml"), tmp_path)
    for kind, ids in api.ids.items():
        (tmp_path / f"{kind}.dict").write_text("\n".join(json.dumps(name) for name in ids))
    keys = {f"FUZZ_KEY_{desk.upper()}": key for desk, key in api.keys.items()}
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", tmp_path / "fuzz.toml"),
            *("run", f"{api.url}/openapi.json", "--max-examples", str(EXAMPLES), "--no-color"),
        ],
        env={**os.environ, **keys, "NO_PROXY": "127.0.0.1", "COLUMNS": "120"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@settings(
    max_examples=20 * EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(place=st.integers(-3, 1), name=st.text(max_size=80), after=st.integers() | st.text(max_size=20))
def test_an_endless_stream_begins_or_is_refused(
    api: Throwaway, admin: httpx.Client, place: int, name: str, after: int | str
) -> None:
    conversation = api.ids["conversations"][place] if place < 0 else quote(name, safe="")
    path = f"/v1/conversations/{conversation}/events"
    with admin.stream("GET", path, params={"after": after}) as answer:
        assert answer.status_code in {200, 404, 422}
        begun = answer.headers["content-type"].startswith("text/event-stream")
        assert begun == (answer.status_code == 200)
        assert next(answer.iter_lines()) if begun else answer.read()
