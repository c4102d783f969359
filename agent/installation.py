"""Secrets an installation makes for itself, once."""

import secrets

from sqlalchemy.orm import Session

from agent.tables import Installation


def own_secret(session: Session, name: str) -> bytes:
    """Return a secret of the installation, making it on first use (inside a writing session)."""
    row = session.get(Installation, name)
    if row is None:
        row = Installation(name=name, value=secrets.token_bytes(32))
        session.add(row)
        session.flush()
    return row.value
