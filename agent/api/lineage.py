"""Where an answer came from, over HTTP."""

from fastapi import APIRouter
from sqlalchemy.orm import Session

from agent.api.deps import AdminDeskDep, ServiceDep
from agent.api.schemas.lineage import RetrainingOrigin, SkillLineage, TurnLineage
from agent.corrections import find_turn
from agent.lineage import retraining_of, taught_by, versions_of
from agent.retrainings import ROLES
from agent.tables import Retraining, Version

router = APIRouter(prefix="/v1/admin", tags=["learning"])
MOST_CONVERSATIONS = 100


@router.get("/turns/{turn_id}/lineage")
def read_lineage(turn_id: str, service: ServiceDep, desk: AdminDeskDep) -> TurnLineage:
    """Trace an answer: its prompt versions, the retrainings that made them, the conversations that taught those."""
    with service.office.database.reading() as session:
        turn = find_turn(session, desk.id, turn_id)
        skills = [_skill(session, name, version) for name, version in versions_of(session, turn)]
        return TurnLineage(turn_id=turn.id, conversation_id=turn.conversation_id, skills=skills)


def _skill(session: Session, name: str, version: Version) -> SkillLineage:
    run = retraining_of(session, version)
    return SkillLineage(
        skill=name,
        version=version.number,
        digest=version.digest,
        origin="retraining" if run else "shipped",
        retraining=_origin(session, run) if run else None,
    )


def _origin(session: Session, run: Retraining) -> RetrainingOrigin:
    conversations = taught_by(session, run)
    return RetrainingOrigin(
        id=run.id,
        trigger=run.trigger,
        actor=run.actor,
        ended_at=run.ended_at,
        snapshot_hash=run.snapshot["hash"],
        examples={role: len(run.snapshot[role]) for role in ROLES},
        erased_examples=len(run.erased_examples),
        conversation_count=len(conversations),
        conversations=conversations[:MOST_CONVERSATIONS],
    )
