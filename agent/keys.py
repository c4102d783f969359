"""Admin keys: made once, shown once, kept as a hash."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from agent.errors import NotFound, NotSignedIn
from agent.tables import Key, utc_now


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling with a key: `desk_id` None means the whole installation."""

    key_id: str
    name: str
    desk_id: str | None


def make_key(session: Session, name: str, desk_id: str | None) -> tuple[Key, str]:
    """Create a key; return its row and the key itself, which cannot be read again."""
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = Key(name=name, desk_id=desk_id, prefix=prefix, hash=_hash(secret))
    session.add(row)
    session.flush()
    return row, f"fd_{prefix}.{secret}"


def check_key(session: Session, presented: str) -> Caller:
    """Return whose key this is. Raises NotSignedIn for anything but a valid, unrevoked key."""
    prefix, _, secret = presented.removeprefix("fd_").partition(".")
    row = session.scalar(select(Key).where(Key.prefix == prefix))
    # The hash is compared even for an unknown prefix, so both answers take the same time.
    matches = hmac.compare_digest(_hash(secret), row.hash if row else _hash(""))
    if row is None or not matches or row.revoked_at is not None:
        raise NotSignedIn("This admin key is not valid.")
    return Caller(row.id, row.name, row.desk_id)


def revoke_key(session: Session, key_id: str, desk_id: str | None) -> None:
    """End a key. Raises NotFound if there is none of this id (on this desk)."""
    statement = update(Key).where(Key.id == key_id, Key.revoked_at.is_(None)).values(revoked_at=utc_now())
    if desk_id is not None:
        statement = statement.where(Key.desk_id == desk_id)
    if session.execute(statement).rowcount == 0:  # type: ignore[attr-defined]
        raise NotFound("There is no such key, or it is revoked already.")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
