"""Which web pages may talk to which desk."""

from sqlalchemy import select

from agent.database import Database
from agent.tables import Desk


def is_own(origin: str, host: str | None) -> bool:
    """Return whether an `Origin` header, whatever nonsense it may say, names the host that was asked."""
    return origin.partition("://")[2] == host


class Origins:
    """The union of all desks' allowed origins, kept current by the watcher.

    It decides what a browser is told; `deps.speaker` holds each token's own desk against the origin.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: frozenset[str] = frozenset()

    def refresh(self) -> None:
        """Read the origins of all desks."""
        with self._database.reading() as session:
            lists = session.scalars(select(Desk.allowed_origins)).all()
        self._known = frozenset(str(origin) for origins in lists for origin in origins)

    def allows(self, origin: str) -> bool:
        """Return whether any desk allows this origin."""
        return origin in self._known
