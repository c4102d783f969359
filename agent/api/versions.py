"""A skill's versions: scorecards, promotion by hand, rollback."""

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.api.budgets import budget_view
from agent.api.deps import AdminDeskDep, Limit, ServiceDep
from agent.api.schemas.base import Number
from agent.api.schemas.learning import PromoteRequest, PromotionView, RollbackRequest, VersionView
from agent.corrections import find_skill
from agent.errors import BadInput
from agent.office import Office
from agent.promotions import find_version, promote, rollback
from agent.releases import read_artefact
from agent.tables import Desk, Promotion, Skill, Version
from skills.checkpoint import unpack
from skills.errors import PromptRefused

router = APIRouter(prefix="/v1/admin", tags=["learning"])


@router.get("/skills/{name}/versions")
def list_versions(name: str, service: ServiceDep, desk: AdminDeskDep) -> list[VersionView]:
    """List a skill's versions with their scorecards, newest first."""
    with service.office.database.reading() as session:
        skill = find_skill(session, desk.id, name)
        rows = session.scalars(select(Version).where(Version.skill_id == skill.id).order_by(Version.number.desc()))
        budget = _budget(session, desk.id)
        return [_version(row, budget) for row in rows]


@router.get("/skills/{name}/versions/{number}")
def read_version(name: str, number: Number, service: ServiceDep, desk: AdminDeskDep) -> VersionView:
    """Read one version: its scorecard and lineage."""
    with service.office.database.reading() as session:
        version = find_version(session, find_skill(session, desk.id, name), number)
        return _version(version, _budget(session, desk.id))


@router.post("/skills/{name}/promote")
def promote_version(name: str, body: PromoteRequest, service: ServiceDep, desk: AdminDeskDep) -> PromotionView:
    """Make a version live by hand, against the gate's advice if need be. 409 if the pointer moved."""
    with service.office.database.reading() as session:
        version = find_version(session, find_skill(session, desk.id, name), body.version)
    check_served(service.office, version)
    with service.office.database.writing() as session:
        skill = find_skill(session, desk.id, name)
        row = promote(session, skill, version, skill.live_version_id, desk.caller.name, body.reason)
        shown = _promotion(session, row)
    service.office.jobs.tell("desk", desk.id)
    return shown


@router.post("/skills/{name}/rollback")
def roll_back(name: str, service: ServiceDep, desk: AdminDeskDep, body: RollbackRequest | None = None) -> PromotionView:
    """Go back to the version that was live before, or to the one named."""
    with service.office.database.writing() as session:
        skill = find_skill(session, desk.id, name)
        shown = _promotion(session, rollback(session, skill, desk.caller.name, body.version if body else None))
    service.office.jobs.tell("desk", desk.id)
    return shown


@router.get("/promotions")
def list_promotions(service: ServiceDep, desk: AdminDeskDep, limit: Limit = 50) -> list[PromotionView]:
    """List every move of a live pointer, newest first."""
    statement = select(Promotion).join(Skill, Promotion.skill_id == Skill.id).where(Skill.desk_id == desk.id)
    with service.office.database.reading() as session:
        rows = session.scalars(statement.order_by(Promotion.created_at.desc()).limit(limit))
        return [_promotion(session, row) for row in rows]


def check_served(office: Office, version: Version) -> None:
    """Raise BadInput if a version's bytes of record are not a prompt that this installation can serve."""
    try:
        unpack(read_artefact(office.database, version.digest), version.digest, office.backbone)
    except PromptRefused as error:
        raise BadInput(f"Version {version.number} cannot be served: {error}") from error


def _budget(session: Session, desk_id: str) -> float | None:
    return session.get_one(Desk, desk_id).policy.get("error_budget")


def _version(row: Version, budget: float | None) -> VersionView:
    fields = {name: getattr(row, name) for name in VersionView.model_fields if name != "error_budget"}
    return VersionView(**fields, error_budget=budget_view(row.scorecard.get("risk", {}), budget))


def _promotion(session: Session, row: Promotion) -> PromotionView:
    before = session.get(Version, row.from_version_id) if row.from_version_id else None
    return PromotionView(
        skill=session.get_one(Skill, row.skill_id).name,
        from_version=before.number if before else None,
        to_version=session.get_one(Version, row.to_version_id).number,
        actor=row.actor,
        reason=row.reason,
        created_at=row.created_at,
    )
