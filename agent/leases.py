"""Rows as jobs: taking one for a while, so that two workers never do the same one at once."""

from datetime import timedelta
from typing import TypeVar

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from agent.tables import Delivery, InboundEvent, utc_now

LEASE = timedelta(seconds=120)

Job = TypeVar("Job", InboundEvent, Delivery)


def take(session: Session, table: type[Job], row_id: str) -> Job | None:
    """Lease a queued row and count the attempt; None if it is done, not due, or somebody else's."""
    now = utc_now()
    free = [
        table.id == row_id,
        table.status == "queued",
        or_(table.lease_until.is_(None), table.lease_until < now),
    ]
    if table is Delivery:
        free.append(Delivery.due_at <= now)
    taken = session.execute(update(table).where(*free).values(attempt=table.attempt + 1, lease_until=now + LEASE))
    if taken.rowcount == 0:  # type: ignore[attr-defined]
        return None
    return session.get_one(table, row_id, populate_existing=True)
