"""A desk's endpoints: finding, disabling and enabling one, and sending it again what did not arrive."""

from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from agent.database import nudge_after
from agent.errors import Conflict, NotFound
from agent.leases import LEASE
from agent.outbound import tell
from agent.tables import Endpoint, OutboundEvent, utc_now


def find_endpoint(session: Session, desk_id: str, name: str, lock: bool = False) -> Endpoint:
    """Return a desk's endpoint by name; `lock` as `lock_endpoint`. Raises NotFound."""
    row = session.scalar(select(Endpoint).where(Endpoint.desk_id == desk_id, Endpoint.name == name))
    if row is not None and lock:
        row = lock_endpoint(session, row.id)
    if row is None:
        raise NotFound(f"This desk has no endpoint called '{name}'.")
    return row


def lock_endpoint(session: Session, endpoint_id: str) -> Endpoint | None:
    """Return an endpoint that nobody else changes until the transaction ends, None if it is gone.

    Events may be written for it meanwhile: a customer's turn does not wait for an endpoint.
    """
    return session.get(Endpoint, endpoint_id, with_for_update={"key_share": True}, populate_existing=True)


def hold(session: Session, endpoint_id: str, mine: datetime | None) -> Endpoint | None:
    """Lease an endpoint to send to it, or keep the lease that ends at `mine`.

    None if it is disabled, rests, is gone or is somebody else's.
    """
    now = utc_now()
    free = [
        Endpoint.id == endpoint_id,
        Endpoint.disabled_at.is_(None),
        or_(Endpoint.rests_until.is_(None), Endpoint.rests_until < now),
        or_(Endpoint.lease_until.is_(None), Endpoint.lease_until < now, Endpoint.lease_until == mine),
    ]
    held = session.execute(update(Endpoint).where(*free).values(lease_until=now + LEASE))
    if held.rowcount == 0:  # type: ignore[attr-defined]
        return None
    return session.get_one(Endpoint, endpoint_id, populate_existing=True)


def disable(session: Session, endpoint: Endpoint, reason: str) -> None:
    """Stop telling an endpoint; what waits for it is dead. The desk's other endpoints are told."""
    endpoint.disabled_at, endpoint.disabled_reason, endpoint.lease_until = utc_now(), reason, None
    session.flush()
    session.execute(
        update(OutboundEvent)
        .where(OutboundEvent.endpoint_id == endpoint.id, OutboundEvent.status == "queued")
        .values(status="dead", error=func.coalesce(OutboundEvent.error, "The endpoint was disabled before its turn."))
    )
    tell(session, endpoint.desk_id, "endpoint.disabled", {"endpoint": endpoint.name, "reason": reason})


def enable(endpoint: Endpoint) -> None:
    """Tell an endpoint of what happens from now on."""
    endpoint.disabled_at = endpoint.disabled_reason = endpoint.rests_until = endpoint.failing_since = None


def send_again(session: Session, endpoint: Endpoint, event_id: str | None = None) -> int:
    """Send an endpoint one event that has not arrived, or all its dead ones; return how many.

    They have all their attempts before them. Raises NotFound, Conflict if the endpoint is disabled or the event
    has arrived.
    """
    if endpoint.disabled_at is not None:
        raise Conflict(f"'{endpoint.name}' is disabled; enable it first.")
    rows = select(OutboundEvent).where(OutboundEvent.endpoint_id == endpoint.id)
    if event_id is None:
        chosen = session.scalars(rows.where(OutboundEvent.status == "dead")).all()
    else:
        chosen = session.scalars(rows.where(OutboundEvent.id == event_id)).all()
        if not chosen:
            raise NotFound(f"'{endpoint.name}' has no event {event_id}.")
        if chosen[0].status == "sent":
            raise Conflict("This event has arrived already.")
    for row in chosen:
        row.status, row.attempt, row.due_at = "queued", 0, utc_now()
    nudge_after(session, "send_events", endpoint.id)
    return len(chosen)
