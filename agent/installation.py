"""Secrets an installation makes for itself, once."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.database import insert_once
from agent.tables import Installation


def own_secret(session: Session, name: str) -> bytes:
    """Return a secret of the installation, making it on first use (inside a writing session)."""
    kept = select(Installation.value).where(Installation.name == name)
    value = session.scalar(kept)
    if value is None:  # several processes may start at once on a new database
        insert_once(session, Installation, {"name": name, "value": secrets.token_bytes(32)}, ["name"])
        value = session.scalars(kept).one()
    return value
