"""The database: one engine, a way to read and a way to write.

`with database.reading() as session` and `with database.writing() as session` are the only transactions
there are. On SQLite, writing begins IMMEDIATE, so two writers queue instead of failing halfway.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from sqlite3 import Connection as SqliteConnection
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import DeclarativeBase, Session

BUSY_MILLISECONDS = 30_000
_NUDGES = "nudges"
TableRow = TypeVar("TableRow", bound=DeclarativeBase)


class Database:
    """Sessions on one URL. `pool` bounds connections (threads of the process plus a few).

    `nudge` is called with what `nudge_after` was called with; without it the sweep finds those rows.
    """

    def __init__(self, url: str, pool: int = 20, nudge: Callable[[str, str], None] | None = None) -> None:
        self.url = normal_url(url)
        sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {} if sqlite else {"pool_pre_ping": True}
        self.engine: Engine = create_engine(
            self.url,
            pool_size=pool,
            max_overflow=5,
            pool_timeout=10,
            hide_parameters=True,  # an error's text must not carry a customer's
            **options,
        )
        if sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._nudge = nudge
        self._queue = threading.Lock() if sqlite else None
        self._writer = self.engine.execution_options(writing=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session to read in; whatever is changed in it is dropped."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction; it commits when the block ends and rolls back when it raises."""
        with self._next_writer(), Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session
        if self._nudge is not None:
            for task, row_id in session.info.get(_NUDGES, ()):
                self._nudge(task, row_id)

    @contextmanager
    def _next_writer(self) -> Iterator[None]:
        """Let this process's threads write to SQLite one after the other, woken as soon as it is their turn.

        SQLite has whoever finds it locked look again after ever longer naps. Other processes still wait like that.
        """
        mine = self._queue is not None and self._queue.acquire(timeout=BUSY_MILLISECONDS / 1000)
        try:
            yield
        finally:
            if mine and self._queue is not None:
                self._queue.release()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def nudge_after(session: Session, task: str, row_id: str) -> None:
    """Ask a worker to look at a row once the transaction has committed."""
    session.info.setdefault(_NUDGES, {})[task, row_id] = None  # each once, in their order


def insert_once(session: Session, table: type[DeclarativeBase], values: Mapping[str, Any], unique: list[str]) -> bool:
    """Insert a row unless there is one with the same values in these columns; return whether it was inserted.

    Who inserts the same at the same moment waits, and then finds the other's.
    """
    done = session.execute(_unless_there(session, table, values, unique))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def insert_and_return(
    session: Session, table: type[TableRow], values: Mapping[str, Any], unique: list[str]
) -> TableRow | None:
    """Insert a row as `insert_once` does; return it if it was inserted, for those who go on with it."""
    return session.scalars(_unless_there(session, table, values, unique).returning(table)).one_or_none()


def _unless_there(
    session: Session, table: type[DeclarativeBase], values: Mapping[str, Any], unique: list[str]
) -> PostgresInsert | SqliteInsert:
    insert = postgres_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    return insert(table).values(**values).on_conflict_do_nothing(index_elements=unique)


def normal_url(url: str) -> URL:
    """Return the URL with the driver we use (psycopg 3 for PostgreSQL)."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    connection.isolation_level = None  # we begin transactions ourselves
    for pragma in (
        "journal_mode=WAL",
        f"busy_timeout={BUSY_MILLISECONDS}",
        "foreign_keys=ON",
        # NORMAL may lose the last moments at a power cut; a promotion must not be lost.
        "synchronous=FULL",
        # What is erased is overwritten in the file, not only forgotten.
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
