"""An installation the command's tests may change, and what they ask of every refusal."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Running, installation

CARD = "my card still hasn't come"
Result = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An installation of our own: examples and corrections stay in it, and its processes are killed."""
    with installation(tmp_path_factory.mktemp("own") / "data") as running:
        yield running


def done(result: Result) -> str:
    """Check that a command went well; return what it printed."""
    assert (result.returncode, result.stderr) == (0, ""), result
    return result.stdout


def shown(result: Result) -> Any:
    """Check that a command went well and printed one JSON document; return it."""
    return json.loads(done(result))


def refused(result: Result, code: int) -> str:
    """Check that a command ended with this exit code and one sentence on stderr; return the sentence."""
    assert (result.returncode, result.stdout) == (code, ""), result
    assert result.stderr.startswith("frostdesk: ")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr
