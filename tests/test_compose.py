"""docker-compose.yml: compose accepts it, and what it starts is there to be started."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from agent.settings import Settings
from frostdesk.cli import app

ROOT = Path(__file__).parents[1]
SECRETS = {"POSTGRES_PASSWORD": "one", "VALKEY_PASSWORD": "two"}
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def compose() -> list[str] | None:
    """The command that reads compose files here, if there is one: docker's plugin, or Debian's older program."""
    for command in (["docker", "compose"], ["docker-compose"]):
        found = shutil.which(command[0])
        if found and subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    return None


@pytest.mark.skipif(compose() is None, reason="neither docker's compose plugin nor docker-compose is installed")
def test_compose_accepts_it_with_passwords_only(tmp_path: Path) -> None:
    (tmp_path / "empty.env").touch()

    def config(secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if name not in SECRETS} | secrets
        command = [*(compose() or ()), "--env-file", str(tmp_path / "empty.env"), "config", "--quiet"]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    accepted = config(SECRETS)
    assert accepted.returncode == 0, accepted.stderr
    for name in SECRETS:
        without = config({other: value for other, value in SECRETS.items() if other != name})
        assert without.returncode != 0
        assert name in without.stderr


def test_every_command_is_a_real_one() -> None:
    assert set(OURS) == {"migrate", "api", "events", "training", "beat"}
    root = get_command(app)
    for service in OURS.values():
        name, *options = service["command"]
        root.commands[name].make_context(name, list(options))  # type: ignore[attr-defined]
    queues = {service["command"][-1] for service in OURS.values() if service["command"][0] == "worker"}
    assert queues == {"events", "training"}


def test_the_database_is_migrated_before_anything_serves() -> None:
    for name, service in OURS.items():
        if name != "migrate":
            assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert OURS["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert OURS["migrate"]["restart"] == "no"


def test_everything_that_stays_up_has_a_health_check_and_keeps_its_data() -> None:
    volumes = set(yaml.safe_load(TEXT)["volumes"])
    for name, service in SERVICES.items():
        assert name == "migrate" or service["healthcheck"]["test"], name
        assert all(volume.split(":")[0] in volumes for volume in service["volumes"]), name


def test_images_are_pinned_and_no_password_is_written_down() -> None:
    for service in SERVICES.values():
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+", service["image"])
    for name in SECRETS:
        assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", TEXT)) == {":?set it"}


def test_every_setting_it_gives_is_one() -> None:
    for service in OURS.values():
        for name in service["environment"]:
            known = name in ("DATABASE_URL", "REDIS_URL", "REMAP_SIGTERM")
            assert known or name.removeprefix("FROSTDESK_").lower() in Settings.model_fields, name


def test_the_image_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert "USER frostdesk" in lines
    assert lines.index("USER frostdesk") < lines.index('ENTRYPOINT ["frostdesk"]')
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            assert all((ROOT / name).exists() for name in line.split()[1:-1]), line
