"""Helpdesk connections: how a desk and its helpdesk know each other."""

import time

from fastapi import APIRouter, Request
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from agent.addresses import check_url
from agent.api.deps import AdminDeskDep, Service, ServiceDep
from agent.api.schemas.connections import (
    ConnectionChange,
    ConnectionRequest,
    ConnectionView,
    NewConnection,
    SampleEvent,
)
from agent.channels import CHANNELS, endpoint, keys
from agent.errors import Conflict, NotFound
from agent.tables import Connection, Conversation, utc_now

router = APIRouter(prefix="/v1/admin", tags=["connections"])


@router.get("/connections")
def list_connections(request: Request, service: ServiceDep, desk: AdminDeskDep) -> list[ConnectionView]:
    """List the desk's helpdesk connections."""
    statement = select(Connection).where(Connection.desk_id == desk.id).order_by(Connection.name)
    with service.office.database.reading() as session:
        return [_connection(request, service, row) for row in session.scalars(statement)]


@router.post("/connections", status_code=201)
def create_connection(
    body: ConnectionRequest, request: Request, service: ServiceDep, desk: AdminDeskDep
) -> NewConnection:
    """Connect a helpdesk. The secret is shown this once; both sides sign with it."""
    channel = CHANNELS[body.kind]
    secrets = channel.secrets_for(body.secret)
    url = check_url(body.url, service.settings.private_deliveries) if body.url else None
    credentials = channel.check_credentials(body.credentials, url)
    with service.office.database.writing() as session:
        if session.scalar(select(Connection.id).where(Connection.desk_id == desk.id, Connection.name == body.name)):
            raise Conflict(f"There is a connection called '{body.name}' already.")
        chosen = {"name": body.name, "kind": body.kind, "mode": body.mode}
        row = Connection(desk_id=desk.id, **chosen, secrets=secrets, url=url, credentials=credentials)
        session.add(row)
        session.flush()
        shown = _connection(request, service, row).model_dump()
    return NewConnection(**shown, secret=secrets[0] if secrets else None)


@router.patch("/connections/{name}")
def change_connection(
    name: str, body: ConnectionChange, request: Request, service: ServiceDep, desk: AdminDeskDep
) -> ConnectionView:
    """Change what a connection does, or give it another secret; the one before stays valid until the next change."""
    with service.office.database.writing() as session:
        row = _find(session, desk.id, name)
        if body.mode is not None:
            row.mode = body.mode
        if body.secret is not None:
            row.secrets = [*CHANNELS[row.kind].secrets_for(body.secret), *row.secrets[:1]]
        return _connection(request, service, row)


@router.post("/connections/{name}/test")
def sample_event(name: str, request: Request, service: ServiceDep, desk: AdminDeskDep) -> SampleEvent:
    """Return a signed event to try a connection out with: post it to `endpoint`. Nothing is sent for it.

    The conversation of an earlier test goes.
    """
    with service.office.database.writing() as session:
        row = _find(session, desk.id, name)
        channel, now = CHANNELS[row.kind], utc_now()
        session.execute(
            delete(Conversation).where(
                Conversation.connection_id == row.id, Conversation.external_id == channel.TEST_TICKET
            )
        )
        secrets = keys(row, service.settings.base_url)
        sample = channel.sample(secrets, time.time_ns() // 1000, now)
        event_id = channel.verify(sample.body, sample.headers, secrets, now)
        posted_to = _connection(request, service, row).endpoint
    return SampleEvent(endpoint=posted_to, headers=dict(sample.headers), body=sample.body.decode(), event_id=event_id)


@router.delete("/connections/{name}", status_code=204)
def remove_connection(name: str, service: ServiceDep, desk: AdminDeskDep) -> None:
    """Remove a connection with its stored events and deliveries."""
    with service.office.database.writing() as session:
        session.delete(_find(session, desk.id, name))


def _find(session: Session, desk_id: str, name: str) -> Connection:
    row = session.scalar(select(Connection).where(Connection.desk_id == desk_id, Connection.name == name))
    if row is None:
        raise NotFound(f"This desk has no connection called '{name}'.")
    return row


def _connection(request: Request, service: Service, row: Connection) -> ConnectionView:
    base = service.settings.public_url or str(request.base_url)
    return ConnectionView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        mode=row.mode,
        url=row.url,
        endpoint=endpoint(row, base),
        created_at=row.created_at,
    )
