"""make and .ci/venv: what is missing is said in one sentence, before anything is installed."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLD = """#!/bin/sh
case "$1" in
    -V | --version) echo "Python 3.9.2" ;;
    *) exit 1 ;;
esac
"""
WITHOUT_VENV = f"""#!/bin/sh
case "$2" in
    *ensurepip*) exit 1 ;;
esac
exec {sys.executable} "$@"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder to be the whole of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def put(file: Path, script: str) -> None:
    file.write_text(script)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def make_venv(path: Path, **env: str) -> str:
    """Run .ci/venv where only `path` is on PATH; return its complaint."""
    command = ["/bin/sh", str(ROOT / ".ci" / "venv"), str(path / "venv")]
    result = subprocess.run(command, env={"PATH": str(path), **env}, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("frostdesk: ")
    assert result.stderr.count("\n") == 1
    assert not (path / "venv").exists()
    return result.stderr


def test_a_missing_python_is_named(path: Path) -> None:
    assert "apt install python3" in make_venv(path)


def test_an_old_python_is_named_with_its_version(path: Path) -> None:
    put(path / "python3", OLD)
    sentence = make_venv(path)
    assert "3.11 or newer" in sentence
    assert "Python 3.9.2" in sentence


def test_another_python_can_be_named(path: Path) -> None:
    put(path / "python3.9", OLD)
    assert "python3.9 is Python 3.9.2" in make_venv(path, PYTHON="python3.9")


def test_a_python_without_venv_is_told_to_get_it(path: Path) -> None:
    put(path / "python3", WITHOUT_VENV)
    assert "python3-venv" in make_venv(path)


def test_make_run_says_what_is_missing(path: Path) -> None:
    put(path / "python3", OLD)
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}"}
    command = ["make", "run", f"VENV={path / 'venv'}"]
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "frostdesk: Python 3.11 or newer is needed, python3 is Python 3.9.2" in result.stderr
    assert not (path / "venv").exists()


def test_make_alone_lists_what_there_is() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "test", "check"):
        assert f"\n{target} " in f"\n{listed}"
