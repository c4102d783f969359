"""Endpoints of a desk's own: where Frostdesk tells it of events."""

from fastapi import APIRouter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.addresses import check_url
from agent.api.deps import AdminDeskDep, ServiceDep
from agent.api.schemas.endpoints import EndpointChange, EndpointRequest, EndpointView, NewEndpoint
from agent.channels.standard import secrets_for
from agent.endpoints import disable, enable, find_endpoint
from agent.errors import Conflict
from agent.tables import Endpoint, OutboundEvent

router = APIRouter(prefix="/v1/admin", tags=["endpoints"])


@router.get("/endpoints")
def list_endpoints(service: ServiceDep, desk: AdminDeskDep) -> list[EndpointView]:
    """List the desk's endpoints: whether each is enabled, since when it fails, and what waits for it."""
    statement = select(Endpoint).where(Endpoint.desk_id == desk.id).order_by(Endpoint.name)
    with service.office.database.reading() as session:
        return [_endpoint(session, row) for row in session.scalars(statement)]


@router.post("/endpoints", status_code=201)
def create_endpoint(body: EndpointRequest, service: ServiceDep, desk: AdminDeskDep) -> NewEndpoint:
    """Tell a server of events from now on. The secret that signs them is shown this once."""
    url = check_url(body.url, service.settings.private_deliveries)
    [secret] = secrets_for(None)
    with service.office.database.writing() as session:
        if session.scalar(select(Endpoint.id).where(Endpoint.desk_id == desk.id, Endpoint.name == body.name)):
            raise Conflict(f"There is an endpoint called '{body.name}' already.")
        row = Endpoint(desk_id=desk.id, name=body.name, url=url, types=sorted(set(body.types)), secrets=[secret])
        session.add(row)
        session.flush()
        return NewEndpoint(**_endpoint(session, row).model_dump(), secret=secret)


@router.patch("/endpoints/{name}")
def change_endpoint(name: str, body: EndpointChange, service: ServiceDep, desk: AdminDeskDep) -> EndpointView:
    """Change an endpoint's address or types, disable it, or enable it again. What it missed meanwhile stays dead."""
    url = check_url(body.url, service.settings.private_deliveries) if body.url is not None else None
    with service.office.database.writing() as session:
        row = find_endpoint(session, desk.id, name, lock=True)
        if url is not None:
            row.url, row.rests_until, row.failing_since = url, None, None
        if body.types is not None:
            row.types = sorted(set(body.types))
        if body.enabled:
            enable(row)
        elif body.enabled is False and row.disabled_at is None:
            disable(session, row, f"Disabled by {desk.caller.name}.")
        session.flush()
        return _endpoint(session, row)


@router.post("/endpoints/{name}/secret", status_code=201)
def replace_secret(name: str, service: ServiceDep, desk: AdminDeskDep) -> NewEndpoint:
    """Make another secret, shown this once. The one before signs beside it until the next is made."""
    [secret] = secrets_for(None)
    with service.office.database.writing() as session:
        row = find_endpoint(session, desk.id, name, lock=True)
        row.secrets = [secret, *row.secrets[:1]]
        session.flush()
        return NewEndpoint(**_endpoint(session, row).model_dump(), secret=secret)


@router.delete("/endpoints/{name}", status_code=204)
def remove_endpoint(name: str, service: ServiceDep, desk: AdminDeskDep) -> None:
    """Remove an endpoint with its events."""
    with service.office.database.writing() as session:
        session.delete(find_endpoint(session, desk.id, name, lock=True))


def _endpoint(session: Session, row: Endpoint) -> EndpointView:
    counts = dict(
        session.execute(
            select(OutboundEvent.status, func.count())
            .where(OutboundEvent.endpoint_id == row.id, OutboundEvent.status != "sent")
            .group_by(OutboundEvent.status)
        ).all()
    )
    own = ("id", "name", "url", "types", "disabled_at", "disabled_reason", "failing_since", "created_at")
    return EndpointView(
        **{field: getattr(row, field) for field in own},
        enabled=row.disabled_at is None,
        waiting=counts.get("queued", 0),
        dead=counts.get("dead", 0),
    )
