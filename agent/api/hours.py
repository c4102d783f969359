"""When a desk's humans are there: read, set, forget."""

from fastapi import APIRouter
from sqlalchemy.orm import Session

from agent.api.deps import AdminDeskDep, ServiceDep
from agent.api.schemas.hours import HoursRequest, HoursView
from agent.desks import touch_desk
from agent.hours import hours_of, opens_at, read_hours
from agent.tables import Desk, utc_now

router = APIRouter(prefix="/v1/admin/desk/hours", tags=["desk"])


@router.get("")
def read_desk_hours(service: ServiceDep, desk: AdminDeskDep) -> HoursView:
    """Say when the desk's humans are there, whether somebody is there now, and when next."""
    with service.office.database.reading() as session:
        return _view(session.get_one(Desk, desk.id))


@router.put("")
def set_desk_hours(body: HoursRequest, service: ServiceDep, desk: AdminDeskDep) -> HoursView:
    """Set when the desk's humans are there. Outside these hours visitors are told when somebody is there next."""
    read_hours(body.times, body.zone)
    with service.office.database.writing() as session:
        row = _locked(session, desk.id)
        row.policy = {**row.policy, "hours": body.model_dump()}
        touch_desk(session, desk.id)
        shown = _view(row)
    service.office.jobs.tell("desk", desk.id)
    return shown


@router.delete("", status_code=204)
def forget_desk_hours(service: ServiceDep, desk: AdminDeskDep) -> None:
    """Keep no hours any more: somebody is taken to be there always."""
    with service.office.database.writing() as session:
        row = _locked(session, desk.id)
        row.policy = {name: value for name, value in row.policy.items() if name != "hours"}
        touch_desk(session, desk.id)
    service.office.jobs.tell("desk", desk.id)


def _locked(session: Session, desk_id: str) -> Desk:
    return session.get_one(Desk, desk_id, with_for_update=True)


def _view(row: Desk) -> HoursView:
    written, back = row.policy.get("hours", {}), opens_at(hours_of(row.policy), utc_now())
    return HoursView(times=written.get("times"), zone=written.get("zone"), available=back is None, back_at=back)
