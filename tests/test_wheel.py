"""The wheel: what is in it, and that it works where the source tree is not."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = (
    "frostdesk/cli.py",
    "agent/app.py",
    "agent/demo/desk.json",
    "agent/demo/articles.jsonl",
    "agent/demo/prompts/index.json",
    "agent/demo/prompts/router.zip",
    "agent/pages/chat.html",
    "agent/pages/built/chat.js",
    "agent/pages/built/widget.js",
    "agent/pages/built/LICENSES.txt",
    "agent/pages/chat.css",
    "agent/pages/site.html",
    "skills/tuning.py",
    "workers/app.py",
    "migrations/alembic.ini",
    "migrations/env.py",
    "migrations/versions/0001_first_tables.py",
    "migrations/versions/0002_suggestions.py",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel; the libraries it needs are lent by ours.

    A path file lends a folder without obeying the path files in it, so our editable install stays unseen.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def run(folder: Path, *command: object) -> str:
    """Run a command in a folder of its own, without our paths and settings."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "FROSTDESK_"))}
    words = [str(word) for word in command]
    result = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stderr) == (0, ""), result
    return result.stdout


def test_it_carries_all_that_is_needed_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert set(NEEDED) <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "frostdesk",
        "agent",
        "skills",
        "workers",
        "migrations",
    }
    assert not [name for name in names if "test" in name.split("/")[-1] or "__pycache__" in name]


def test_it_carries_every_tracked_file_of_its_packages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for package in ("frostdesk", "agent", "skills", "workers", "migrations"):
        files = [path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert {path.relative_to(ROOT).as_posix() for path in files} <= names


def test_what_runs_is_the_wheels_copy(installed: Path, tmp_path: Path) -> None:
    packages = "frostdesk, agent, skills, workers, migrations"
    script = f"import {packages}; print(*(p.__file__ for p in ({packages})), sep='\\n')"
    found = run(tmp_path, installed / "python", "-c", script).splitlines()
    assert len(found) == 5
    for path in found:
        assert Path(path).is_relative_to(installed.parent)


def test_the_command_works_from_another_folder(installed: Path, tmp_path: Path) -> None:
    assert "Run a support desk's agent" in run(tmp_path, installed / "frostdesk", "--help")
    assert run(tmp_path, installed / "frostdesk", "migrate") == "The database is current.\n"
    assert (tmp_path / ".frostdesk" / "frostdesk.db").exists()
    assert "pennywhistle" in run(tmp_path, installed / "frostdesk", "demo", "load")
    assert run(tmp_path, installed / "frostdesk", "key", "first").startswith("fd_")
