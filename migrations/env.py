"""How alembic reaches the database: the URL it was given, or the installation's own."""

from alembic import context
from sqlalchemy import text

from agent.database import Database
from agent.settings import Settings
from agent.tables import Table
from agent.tables.base import UtcDateTime

LOCK = 7_350_318  # any number, the same for every migrating process


def _render(kind: str, item: object, _context: object) -> str | bool:
    """Write our aware time as the plain column type it is, so that old migrations need no code of ours."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run() -> None:
    """Run migrations online, one process at a time."""
    database = Database(context.config.attributes.get("url") or Settings().database)
    with database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
            connection.commit()
        if connection.dialect.name == "sqlite":
            # A batch makes a table anew and drops the old one; with keys enforced that would delete what refers to it.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=Table.metadata,
            render_as_batch=True,
            compare_type=True,
            render_item=_render,
        )
        with context.begin_transaction():
            context.run_migrations()
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
            connection.commit()
    database.close()


if context.is_offline_mode():
    raise SystemExit("Migrations run against a database; offline SQL is not supported.")
run()
