"""A desk's endpoint and its events, for tests that send or count them."""

from typing import Any

from sqlalchemy import select, update

from agent.channels.standard import secrets_for
from agent.database import Database
from agent.desks import make_desk
from agent.outbound import tell
from agent.tables import Desk, Endpoint, OutboundEvent, utc_now

ABOUT = {"endpoint": "another", "reason": "a test"}


def add_endpoint(database: Database, url: str, name: str = "ops", types: list[str] | None = None) -> Endpoint:
    """Give the only desk an endpoint, and the database a desk if it has none."""
    with database.writing() as session:
        desk = session.scalar(select(Desk)) or make_desk(session, "d", "D")
        row = Endpoint(desk_id=desk.id, name=name, url=url, types=types or [], secrets=secrets_for(None))
        session.add(row)
        session.flush()
        return row


def happen(database: Database, endpoint: Endpoint, count: int = 1) -> list[str]:
    """Let something happen that its desk's endpoints are told of; return the ids of this one's events, in order."""
    for number in range(count):
        with database.writing() as session:
            tell(session, endpoint.desk_id, "endpoint.disabled", {**ABOUT, "number": number})
    return [row.id for row in events(database) if row.endpoint_id == endpoint.id][-count:]


def events(database: Database) -> list[OutboundEvent]:
    """Return all events, in order."""
    with database.reading() as session:
        return list(session.scalars(select(OutboundEvent).order_by(OutboundEvent.happened_at)))


def state_of(database: Database, endpoint: Endpoint) -> Endpoint:
    """Return an endpoint as it is now."""
    with database.reading() as session:
        return session.get_one(Endpoint, endpoint.id)


def change(database: Database, endpoint: Endpoint, **values: Any) -> None:
    """Change an endpoint's row."""
    with database.writing() as session:
        session.execute(update(Endpoint).where(Endpoint.id == endpoint.id).values(**values))


def wait_over(database: Database) -> None:
    """Let the time until the next attempt have passed, of everything that waits."""
    with database.writing() as session:
        session.execute(update(OutboundEvent).where(OutboundEvent.status == "queued").values(due_at=utc_now()))
        session.execute(update(Endpoint).values(lease_until=None, rests_until=None))
