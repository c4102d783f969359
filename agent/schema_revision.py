"""Which shape the database has, and which one this code needs."""

import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from agent.database import Database
from agent.errors import Unavailable

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0014"
"""The newest revision under migrations/versions (a test holds the two together; alembic loads slowly)."""


def alembic_config(url: str) -> "Config":
    """Return alembic's configuration for a database, from the packaged migrations."""
    from alembic.config import Config  # noqa: PLC0415

    folder = Path(str(files("migrations")))
    config = Config(folder / "alembic.ini")
    config.set_main_option("script_location", str(folder))
    config.attributes["url"] = url
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to a revision (the newest by default)."""
    from alembic import command  # noqa: PLC0415

    command.upgrade(alembic_config(url), revision)


def wait_for_revision(database: Database, seconds: float = 30.0) -> None:
    """Wait until the database has the newest revision; another process may be migrating it right now.

    Raises Unavailable, with what to do, when it takes longer.
    """
    deadline = time.monotonic() + seconds
    while (found := _revision(database)) != HEAD:
        if time.monotonic() > deadline:
            raise Unavailable(
                f"The database is at revision {found}, this version needs {HEAD}: run 'frostdesk migrate'."
            )
        time.sleep(0.1)  # a migration has no way to tell us that it ended


def _revision(database: Database) -> str | None:
    try:
        with database.reading() as session:
            return str(session.scalar(text("SELECT version_num FROM alembic_version")))
    except DatabaseError:  # no such table yet
        return None
