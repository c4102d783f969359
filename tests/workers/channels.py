"""A worker's side of any helpdesk: connected to the demo desk, its events read, its deliveries sent."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any, TypeVar

from sqlalchemy import select, update

from agent.channels import CHANNELS
from agent.office import Office
from agent.settings import Settings
from agent.tables import Connection, Conversation, Delivery, Desk, InboundEvent, Turn, new_id, utc_now
from workers.deliveries import run_delivery
from workers.events import run_event

TRIAL = Settings(private_deliveries=True)
Server = TypeVar("Server", bound=ThreadingHTTPServer)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Run a helpdesk of our own while the block runs."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def connect(office: Office, kind: str, url: str, credentials: dict[str, Any]) -> str:
    """Connect a helpdesk to the demo desk; return the connection's id."""
    with office.database.writing() as session:
        desk = session.scalars(select(Desk.id)).one()
        row = Connection(desk_id=desk, name=kind, kind=kind, secrets=["s"], url=url, credentials=credentials)
        session.add(row)
        session.flush()
        return row.id


def read(office: Office, connection: str, body: dict[str, Any], private: bool = True) -> InboundEvent:
    """Store a verified event and let a worker read it, and what it names at a private address if that is allowed."""
    content = json.dumps(body).encode()
    with office.database.writing() as session:
        ticket = CHANNELS[session.get_one(Connection, connection).kind].ticket_of(content)
        row = InboundEvent(connection_id=connection, event_id=new_id("evt"), ticket_id=ticket, body=content)
        session.add(row)
        session.flush()
    run_event(office, row.id, private)
    with office.database.reading() as session:
        return session.get_one(InboundEvent, row.id)


def send(office: Office) -> list[Delivery]:
    """Let a worker send everything that waits; return all deliveries."""
    ordered = (Delivery.created_at, Delivery.position)
    with office.database.writing() as session:
        session.execute(update(Delivery).values(lease_until=None, due_at=utc_now()))
        ids = list(session.scalars(select(Delivery.id).where(Delivery.status == "queued").order_by(*ordered)))
    for delivery in ids:
        run_delivery(office.database, TRIAL, delivery)
    with office.database.reading() as session:
        return list(session.scalars(select(Delivery).order_by(*ordered)))


def set_mode(office: Office, mode: str) -> None:
    """Change what the connection does."""
    with office.database.writing() as session:
        session.execute(update(Connection).values(mode=mode))


def owner(office: Office) -> str:
    """Return who has the only conversation."""
    with office.database.reading() as session:
        return session.scalars(select(Conversation.owner)).one()


def outcomes(office: Office) -> list[str]:
    """Return how every turn went, in order."""
    with office.database.reading() as session:
        return list(session.scalars(select(Turn.outcome).order_by(Turn.created_at)))
