"""What came from helpdesks, and what was sent to them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.api.deps import AdminDeskDep, Limit, ServiceDep
from agent.api.schemas.connections import DeliveryView, EventView
from agent.errors import Conflict, NotFound
from agent.tables import Connection, Delivery, InboundEvent, utc_now

router = APIRouter(prefix="/v1/admin", tags=["connections"])
EventId = Annotated[str | None, Query(description="Of one event (`evt_...`)", max_length=100)]


@router.get("/events")
def list_events(
    service: ServiceDep,
    desk: AdminDeskDep,
    status: Annotated[Literal["queued", "handled", "ignored", "failed"] | None, Query()] = None,
    connection: Annotated[str | None, Query(description="The name of one connection", max_length=100)] = None,
    limit: Limit = 50,
) -> list[EventView]:
    """List the events that helpdesks posted, newest first, without what they say."""
    statement = select(InboundEvent, Connection.name).join(Connection).where(Connection.desk_id == desk.id)
    if status is not None:
        statement = statement.where(InboundEvent.status == status)
    if connection is not None:
        statement = statement.where(Connection.name == connection)
    with service.office.database.reading() as session:
        rows = session.execute(statement.order_by(InboundEvent.received_at.desc()).limit(limit))
        return [_event(row, name) for row, name in rows]


@router.get("/deliveries")
def list_deliveries(
    service: ServiceDep,
    desk: AdminDeskDep,
    status: Annotated[Literal["queued", "sent", "skipped", "dead"] | None, Query()] = None,
    event: EventId = None,
    limit: Limit = 50,
) -> list[DeliveryView]:
    """List what was sent, or is to be sent, to helpdesks, newest first."""
    statement = select(Delivery, Connection.name).join(Connection).where(Connection.desk_id == desk.id)
    if status is not None:
        statement = statement.where(Delivery.status == status)
    if event is not None:
        statement = statement.where(Delivery.inbound_event_id == event)
    with service.office.database.reading() as session:
        rows = session.execute(statement.order_by(Delivery.created_at.desc(), Delivery.position).limit(limit))
        return [_delivery(row, name) for row, name in rows]


@router.post("/deliveries/{delivery_id}/resend", status_code=202)
def resend(delivery_id: str, service: ServiceDep, desk: AdminDeskDep) -> DeliveryView:
    """Send a dead, skipped or waiting delivery again now, with all its attempts before it."""
    with service.office.database.writing() as session:
        row, name = _find_delivery(session, desk.id, delivery_id)
        if row.status == "sent":
            raise Conflict("This delivery has arrived already.")
        row.status, row.attempt, row.due_at, row.lease_until = "queued", 0, utc_now(), None
        session.flush()
        shown = _delivery(row, name)
    service.office.jobs.nudge("deliver", delivery_id)
    return shown


def _find_delivery(session: Session, desk_id: str, delivery_id: str) -> tuple[Delivery, str]:
    row = session.get(Delivery, delivery_id)
    connection = session.get_one(Connection, row.connection_id) if row else None
    if row is None or connection is None or connection.desk_id != desk_id:
        raise NotFound("There is no such delivery on this desk.")
    return row, connection.name


def _delivery(row: Delivery, connection: str) -> DeliveryView:
    fields = {name: getattr(row, name) for name in DeliveryView.model_fields if name not in ("connection", "event")}
    return DeliveryView(**fields, connection=connection, event=row.inbound_event_id)


def _event(row: InboundEvent, connection: str) -> EventView:
    fields = {name: getattr(row, name) for name in EventView.model_fields if name != "connection"}
    return EventView(**fields, connection=connection)
