"""docker-compose.yml: compose accepts it, and what it starts is there to be started."""

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

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
        command = [
            *(compose() or ()),
            "--env-file",
            str(tmp_path / "empty.env"),
            "--profile",
            "replicas",
            "config",
            "--quiet",
        ]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    accepted = config(SECRETS)
    assert accepted.returncode == 0, accepted.stderr
    for name in SECRETS:
        without = config({other: value for other, value in SECRETS.items() if other != name})
        assert without.returncode != 0
        assert name in without.stderr


def test_every_command_is_a_real_one() -> None:
    assert set(OURS) == {"migrate", "api", "replica", "events", "training", "beat"}
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
        kept = [volume.split(":")[0] for volume in service["volumes"]]
        assert all(source in volumes or source == "/data" or (ROOT / source).is_file() for source in kept), name


def test_replicas_stand_behind_the_proxy_and_share_nothing_but_the_database_and_the_queue() -> None:
    replica, proxy = SERVICES["replica"], SERVICES["proxy"]
    assert replica["profiles"] == proxy["profiles"] == ["replicas"]
    assert replica["volumes"] == ["/data"]  # each its own
    assert "ports" not in replica
    assert proxy["depends_on"] == {"replica": {"condition": "service_healthy"}}
    shared = {"DATABASE_URL", "REDIS_URL"}
    assert {name: replica["environment"][name] for name in shared} == {
        name: SERVICES["api"]["environment"][name] for name in shared
    }


def test_the_proxy_knows_the_replicas_port_and_holds_no_stream_back() -> None:
    text = (ROOT / "proxy" / "Caddyfile").read_text(encoding="utf-8")
    assert f"dynamic a replica {Settings.model_fields['port'].default} " in text
    assert "flush_interval -1" in text


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")
@pytest.mark.parametrize("site", [":80", "chat.example.com"])
def test_the_proxys_file_is_one_that_caddy_takes(site: str, tmp_path: Path) -> None:
    text = (ROOT / "proxy" / "Caddyfile").read_text(encoding="utf-8")
    version = subprocess.run(["caddy", "version"], capture_output=True, text=True, check=True).stdout
    if version.startswith("2.6.2"):  # Debian's, which has older words for the same
        text = text.replace("request_buffers", "buffer_requests\nmax_buffer_size")
    (tmp_path / "Caddyfile").write_text(text, encoding="utf-8")
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    env = {**os.environ, "FROSTDESK_SITE": site, "HOME": str(tmp_path)}
    found = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "Valid configuration" in found.stdout + found.stderr


@pytest.mark.parametrize(
    ("peer", "seen"), [("172.18.0.5", "203.0.113.7"), ("203.0.113.9", "203.0.113.9"), ("127.0.0.1", "127.0.0.1")]
)
def test_a_replica_believes_the_proxy_and_nobody_else_about_addresses(peer: str, seen: str) -> None:
    found: list[str] = []

    async def app(scope: Any, receive: object, send: object) -> None:
        found.append(scope["client"][0])

    trusted = SERVICES["replica"]["environment"]["FORWARDED_ALLOW_IPS"]
    scope = {"type": "http", "scheme": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", b"203.0.113.7")]}
    asyncio.run(ProxyHeadersMiddleware(app, trusted)(scope, None, None))  # type: ignore[arg-type]
    assert found == [seen]


def test_images_are_pinned_and_no_password_is_written_down() -> None:
    for service in SERVICES.values():
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+", service["image"])
    for name in SECRETS:
        assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", TEXT)) == {":?set it"}


def test_every_setting_it_gives_is_one() -> None:
    for service in OURS.values():
        for name in service["environment"]:
            known = name in ("DATABASE_URL", "REDIS_URL", "REMAP_SIGTERM", "FORWARDED_ALLOW_IPS")
            assert known or name.removeprefix("FROSTDESK_").lower() in Settings.model_fields, name


def test_the_image_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert "USER frostdesk" in lines
    assert lines.index("USER frostdesk") < lines.index('ENTRYPOINT ["frostdesk"]')
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            assert all((ROOT / name).exists() for name in line.split()[1:-1]), line
