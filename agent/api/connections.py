"""Helpdesk connections, the events they post, and what is delivered to them."""

import base64
import binascii
import secrets
from typing import Annotated, Literal

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from agent.addresses import check_url
from agent.api.deps import AdminDeskDep, Limit, Service, ServiceDep
from agent.api.schemas.connections import (
    Accepted,
    ConnectionRequest,
    ConnectionView,
    DeliveryView,
    NewConnection,
)
from agent.channels import standard
from agent.errors import BadInput, Conflict, NotFound
from agent.tables import Connection, Delivery, InboundEvent, new_id, utc_now

log = structlog.get_logger(__name__)
admin = APIRouter(prefix="/v1/admin", tags=["connections"])
webhooks = APIRouter(prefix="/webhooks", tags=["webhooks"])
EVENT_BYTES = 256 * 1024
SECRET_BYTES = (24, 64)


@webhooks.post("/standard/{connection_id}", status_code=202, max_body_size=EVENT_BYTES)
async def receive_event(connection_id: str, request: Request, service: ServiceDep) -> Accepted:
    """Take a ticket event signed by Standard Webhooks: checked on raw bytes, stored once, answered at once.

    `ticket.created` and `ticket.replied` with `data: {ticket_id, subject?, text}` are read by a worker;
    `skill.retrain` with `data: {skill}` opens a retraining, unless the skill rests after a promotion; events of
    other types are stored and ignored. A replayed event changes nothing.
    """
    body = await request.body()
    return await run_in_threadpool(_store, service, connection_id, body, dict(request.headers))


@admin.get("/connections")
def list_connections(request: Request, service: ServiceDep, desk: AdminDeskDep) -> list[ConnectionView]:
    """List the desk's helpdesk connections."""
    statement = select(Connection).where(Connection.desk_id == desk.id).order_by(Connection.name)
    with service.office.database.reading() as session:
        return [_connection(request, service, row) for row in session.scalars(statement)]


@admin.post("/connections", status_code=201)
def create_connection(
    body: ConnectionRequest, request: Request, service: ServiceDep, desk: AdminDeskDep
) -> NewConnection:
    """Connect a helpdesk. The secret is shown this once; both sides sign with it."""
    secret = body.secret or f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    _check_secret(secret)
    url = check_url(body.url, service.settings.private_deliveries) if body.url else None
    with service.office.database.writing() as session:
        if session.scalar(select(Connection.id).where(Connection.desk_id == desk.id, Connection.name == body.name)):
            raise Conflict(f"There is a connection called '{body.name}' already.")
        row = Connection(desk_id=desk.id, name=body.name, secrets=[secret], url=url)
        session.add(row)
        session.flush()
        return NewConnection(**_connection(request, service, row).model_dump(), secret=secret)


@admin.delete("/connections/{name}", status_code=204)
def remove_connection(name: str, service: ServiceDep, desk: AdminDeskDep) -> None:
    """Remove a connection with its stored events and deliveries."""
    with service.office.database.writing() as session:
        row = session.scalar(select(Connection).where(Connection.desk_id == desk.id, Connection.name == name))
        if row is None:
            raise NotFound(f"This desk has no connection called '{name}'.")
        session.delete(row)


@admin.get("/deliveries")
def list_deliveries(
    service: ServiceDep,
    desk: AdminDeskDep,
    status: Annotated[Literal["queued", "sent", "dead"] | None, Query()] = None,
    limit: Limit = 50,
) -> list[DeliveryView]:
    """List what was sent, or is to be sent, to helpdesks, newest first."""
    statement = select(Delivery, Connection.name).join(Connection).where(Connection.desk_id == desk.id)
    if status is not None:
        statement = statement.where(Delivery.status == status)
    with service.office.database.reading() as session:
        rows = session.execute(statement.order_by(Delivery.created_at.desc()).limit(limit))
        return [_delivery(row, name) for row, name in rows]


@admin.post("/deliveries/{delivery_id}/resend", status_code=202)
def resend(delivery_id: str, service: ServiceDep, desk: AdminDeskDep) -> DeliveryView:
    """Send a dead (or waiting) delivery again now, with all its attempts before it."""
    with service.office.database.writing() as session:
        row, name = _find_delivery(session, desk.id, delivery_id)
        if row.status == "sent":
            raise Conflict("This delivery has arrived already.")
        row.status, row.attempt, row.due_at, row.lease_until = "queued", 0, utc_now(), None
        session.flush()
        shown = _delivery(row, name)
    service.office.jobs.nudge("deliver", delivery_id)
    return shown


def _store(service: Service, connection_id: str, body: bytes, headers: dict[str, str]) -> Accepted:
    """Verify and store an event once; nudge a worker after the commit."""
    with service.office.database.reading() as session:
        connection = session.get(Connection, connection_id)
    if connection is None:
        raise NotFound("There is no such connection.")
    event_id = standard.verify(body, headers, connection.secrets)
    row_id = new_id("evt")
    with service.office.database.writing() as session:
        insert = postgres_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
        stored = session.execute(
            insert(InboundEvent)
            .values(
                id=row_id,
                connection_id=connection.id,
                event_id=event_id,
                ticket_id=standard.ticket_of(body),
                body=body,
            )
            .on_conflict_do_nothing(index_elements=["connection_id", "event_id"])
        )
    if stored.rowcount == 0:  # type: ignore[attr-defined]
        return Accepted(status="known")
    service.office.jobs.nudge("handle_event", row_id)
    return Accepted(status="accepted")


def _check_secret(secret: str) -> None:
    try:
        length = len(base64.b64decode(secret.removeprefix("whsec_"), validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadInput("A secret is 'whsec_' followed by base64.") from error
    if not secret.startswith("whsec_") or not SECRET_BYTES[0] <= length <= SECRET_BYTES[1]:
        raise BadInput("A secret is 'whsec_' followed by the base64 of 24 to 64 bytes.")


def _find_delivery(session: Session, desk_id: str, delivery_id: str) -> tuple[Delivery, str]:
    row = session.get(Delivery, delivery_id)
    connection = session.get_one(Connection, row.connection_id) if row else None
    if row is None or connection is None or connection.desk_id != desk_id:
        raise NotFound("There is no such delivery on this desk.")
    return row, connection.name


def _connection(request: Request, service: Service, row: Connection) -> ConnectionView:
    base = service.settings.public_url or str(request.base_url)
    return ConnectionView(
        id=row.id,
        name=row.name,
        kind=row.kind,
        url=row.url,
        endpoint=f"{base.rstrip('/')}/webhooks/standard/{row.id}",
        created_at=row.created_at,
    )


def _delivery(row: Delivery, connection: str) -> DeliveryView:
    fields = {name: getattr(row, name) for name in DeliveryView.model_fields if name != "connection"}
    return DeliveryView(**fields, connection=connection)
