"""Admin keys by command, and the file the first one lies in."""

import stat

from tests.conftest import Running
from tests.frostdesk.conftest import done, refused, shown


def test_the_key_file_is_for_its_owners_eyes_only(server: Running) -> None:
    assert stat.S_IMODE((server.data / "admin.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_a_key_is_made_used_listed_and_revoked(server: Running) -> None:
    key = done(server.command("key", "new", "a script")).strip()
    assert key.startswith("fd_")
    assert "router" in done(server.command("skills", FROSTDESK_KEY=key))
    [row] = [row for row in shown(server.command("key", "list", "--json")) if row["name"] == "a script"]
    listed = done(server.command("key", "list"))
    assert row["id"] in listed
    assert key.partition(".")[2] not in listed
    assert row["desk_id"] is not None
    assert done(server.command("key", "revoke", row["id"])) == "Revoked.\n"
    assert "not valid" in refused(server.command("skills", FROSTDESK_KEY=key), 2)
    assert "revoked already" in refused(server.command("key", "revoke", row["id"]), 2)


def test_a_desks_key_makes_none_for_the_installation(server: Running) -> None:
    made = shown(server.command("key", "new", "of the desk", "--json"))
    refused(server.command("key", "new", "of all", "--installation", FROSTDESK_KEY=made["key"]), 2)
    whole = shown(server.command("key", "new", "of all", "--installation", "--json"))
    assert whole["desk_id"] is None
    for row in (made, whole):
        done(server.command("key", "revoke", row["id"]))


def test_the_first_key_is_made_in_the_database_itself(server: Running) -> None:
    """Where no `frostdesk up` left a key file, as in containers."""
    key = done(server.command("key", "first", "operator", FROSTDESK_KEY="")).strip()
    [row] = [
        row for row in shown(server.command("key", "list", "--json", FROSTDESK_KEY=key)) if row["name"] == "operator"
    ]
    assert row["desk_id"] is None
    done(server.command("key", "revoke", row["id"]))


def test_without_tables_there_is_no_first_key(server: Running) -> None:
    url = f"sqlite:///{server.data.parent / 'empty.db'}"
    assert "frostdesk migrate" in refused(server.command("key", "first", DATABASE_URL=url), 3)
