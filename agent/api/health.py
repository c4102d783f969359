"""Is the process up, and can it answer?"""

from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from agent.api.deps import CallerDep, ServiceDep
from agent.api.schemas.desk import Status
from agent.errors import Unavailable
from agent.tables import Desk

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process runs."""

    status: Literal["ok"] = "ok"


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process is up, whatever else may be down."""
    return Health()


@router.get("/readyz")
def readyz(service: ServiceDep) -> Health:
    """Say whether turns can be taken: the database answers. The queue server may be away; chat goes on."""
    try:
        with service.office.database.reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise Unavailable("The database does not answer.") from error
    return Health()


@router.get("/v1/admin/status", tags=["desk"])
def read_status(service: ServiceDep, _caller: CallerDep) -> Status:
    """Say what runs: version, backbone, fingerprint."""
    backbone = service.office.backbone
    with service.office.database.reading() as session:
        desks = session.scalar(select(func.count()).select_from(Desk)) or 0
    return Status(
        version=version("frostdesk"),
        backbone=backbone.name,
        fingerprint=backbone.fingerprint,
        dtype=str(backbone.dtype).removeprefix("torch."),
        desks=desks,
    )
