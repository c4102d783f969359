"""What endpoints were told, and telling them once more."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import select

from agent.api.deps import AdminDeskDep, Limit, ServiceDep
from agent.api.schemas.endpoints import OutboundEventView, ResendAnswer, ResendRequest
from agent.endpoints import find_endpoint, send_again
from agent.errors import Conflict
from agent.outbound import TEST, write_event
from agent.tables import OutboundEvent

router = APIRouter(prefix="/v1/admin", tags=["endpoints"])


@router.get("/endpoints/{name}/events")
def list_outbound_events(
    name: str,
    service: ServiceDep,
    desk: AdminDeskDep,
    status: Annotated[Literal["queued", "sent", "dead"] | None, Query()] = None,
    event: Annotated[str | None, Query(description="One event (`out_...`)", max_length=100)] = None,
    limit: Limit = 50,
) -> list[OutboundEventView]:
    """List what an endpoint was told, or is to be told, newest first, and what came of it."""
    with service.office.database.reading() as session:
        row = find_endpoint(session, desk.id, name)
        statement = select(OutboundEvent).where(OutboundEvent.endpoint_id == row.id)
        if status is not None:
            statement = statement.where(OutboundEvent.status == status)
        if event is not None:
            statement = statement.where(OutboundEvent.id == event)
        rows = session.scalars(statement.order_by(OutboundEvent.happened_at.desc()).limit(limit))
        return [OutboundEventView.model_validate(row, from_attributes=True) for row in rows]


@router.post("/endpoints/{name}/test", status_code=202)
def send_test_event(name: str, service: ServiceDep, desk: AdminDeskDep) -> OutboundEventView:
    """Send an endpoint an event of the type `endpoint.test`, whatever types it chose. 409 if it is disabled."""
    with service.office.database.writing() as session:
        row = find_endpoint(session, desk.id, name)
        if row.disabled_at is not None:
            raise Conflict(f"'{name}' is disabled; enable it first.")
        event = write_event(session, row, TEST, {"endpoint": name})
        return OutboundEventView.model_validate(event, from_attributes=True)


@router.post("/endpoints/{name}/resend", status_code=202)
def resend_events(
    name: str, service: ServiceDep, desk: AdminDeskDep, body: ResendRequest | None = None
) -> ResendAnswer:
    """Send an endpoint its dead events again, or one that has not arrived, with all attempts before them."""
    with service.office.database.writing() as session:
        row = find_endpoint(session, desk.id, name, lock=True)
        return ResendAnswer(queued=send_again(session, row, body.event if body else None))
