"""The proof behind `frostdesk prove-isolation`: observe, retrain one skill, observe again, compare."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agent.corrections import find_skill
from agent.desks import find_desk
from agent.errors import BadInput
from agent.examples import desk_texts
from agent.office import Office
from agent.releases import read_artefact
from agent.retrainings import JUDGED, open_retraining
from agent.tables import Retraining, Skill, Version
from frostdesk.claims import Claim, claim_on_retrained, claims_on_neighbours, claims_on_others
from frostdesk.retraining import OnProgress, carry_through
from skills.checkpoint import unpack
from skills.prompt import SoftPrompt
from workers.isolation import Observation, differences, observe

ACTOR = "frostdesk prove-isolation"


@dataclass(frozen=True, slots=True)
class Proof:
    """How a retraining ended, the version that was live before and is now (None: none), and every claim."""

    desk: str
    skill: str
    messages: int
    retraining: Retraining
    before: Version | None
    candidate: Version | None
    live: Version | None
    claims: list[Claim]

    @property
    def against(self) -> list[str]:
        """Every difference that speaks against a claim; empty if all hold."""
        return [sentence for claim in self.claims for sentence in claim.differences]


def prove(office: Office, desk: str | None, name: str, messages: int, on_progress: OnProgress) -> Proof:
    """Retrain a skill and hold everything else against what it was before.

    Raises NotFound, BadInput or Conflict if the skill cannot be retrained or there is nothing to compare.
    """
    with office.database.reading() as session:
        found = find_desk(session, desk)
        skill = find_skill(session, found.id, name)
        texts, before = desk_texts(session, found.id, messages), _live(session, skill.id)
    on_progress({"stage": f"reading {messages} messages"})
    old = observe(office, found.id, name, texts)
    if not old.skills:
        raise BadInput(f"No other skill of '{found.slug}' has a live version, so there is nothing to compare.")
    run = carry_through(office, _open(office, skill), on_progress)
    on_progress({"stage": f"reading {messages} messages again"})
    new = observe(office, found.id, name, texts)
    moved = differences(old, new)
    ended = run.status in JUDGED
    if not ended and not moved:
        raise BadInput(f"The retraining {run.status}: {run.error or 'nothing was changed.'}")
    with office.database.reading() as session:
        candidate = session.get(Version, run.candidate_id) if ended else None
        live = _live(session, skill.id)
    claims = claims_on_others(new, moved)
    if candidate:
        claims += _claims_on_candidate(office, new, name, before, candidate)
    return Proof(found.slug, name, messages, run, before, candidate, live, claims)


def _open(office: Office, skill: Skill) -> str:
    """Open a retraining whose seed no version of the skill had: with the same one nothing might move."""
    with office.database.writing() as session:
        seed = session.scalar(select(func.max(Version.number)).where(Version.skill_id == skill.id)) or 0
        return open_retraining(session, skill, "call", ACTOR, seed).id


def _live(session: Session, skill_id: str) -> Version | None:
    version_id = session.get_one(Skill, skill_id).live_version_id
    return session.get(Version, version_id) if version_id else None


def _claims_on_candidate(
    office: Office, seen: Observation, name: str, before: Version | None, candidate: Version
) -> list[Claim]:
    old, new = _prompt(office, before) if before else None, _prompt(office, candidate)
    return [
        *claims_on_neighbours(office.backbone, seen, old, new),
        claim_on_retrained(name, (before, old) if before and old else None, (candidate, new)),
    ]


def _prompt(office: Office, version: Version) -> SoftPrompt:
    return unpack(read_artefact(office.database, version.digest), version.digest, office.backbone)
