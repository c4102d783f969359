"""`frostdesk doctor` and `frostdesk migrate`."""

from pathlib import Path

from tests.conftest import Running
from tests.frostdesk.conftest import done, refused


def test_a_healthy_installation(server: Running) -> None:
    lines = done(server.command("doctor")).splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", name] for name in ("python", "disk", "queue", "database", "tables", "backbone")
    ]


def test_what_is_missing_is_said_with_what_to_do(server: Running, tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.touch()
    bad = {"FROSTDESK_DATA": str(taken), "FROSTDESK_BACKBONE": str(tmp_path), "REDIS_URL": "nonsense"}
    result = server.command("doctor", DATABASE_URL="nonsense", **bad)
    assert (result.returncode, result.stderr) == (2, "")
    said = {line.split()[1]: line for line in result.stdout.splitlines() if line.startswith("BAD")}
    assert set(said) == {"disk", "queue", "database", "backbone"}
    assert "FROSTDESK_DATA" in said["disk"]
    assert "REDIS_URL" in said["queue"]
    assert "DATABASE_URL" in said["database"]


def test_migrating_twice_is_fine(server: Running, tmp_path: Path) -> None:
    for _ in range(2):
        assert done(server.command("migrate", FROSTDESK_DATA=str(tmp_path / "new"))) == "The database is current.\n"
    assert "desk" in done(server.command("demo", "load", FROSTDESK_DATA=str(tmp_path / "new")))
    assert "already" in refused(server.command("demo", "load", FROSTDESK_DATA=str(tmp_path / "new")), 2)


def test_a_database_that_does_not_answer_is_one_sentence(server: Running) -> None:
    url = "postgresql://127.0.0.1:1/none"
    for command in (("migrate",), ("demo", "load")):
        assert "DATABASE_URL" in refused(server.command(*command, DATABASE_URL=url), 3)
