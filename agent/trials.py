"""Trials: a candidate earns its promotion on live traffic, or goes back.

In the shadow it reads every message beside the live version, and what it would have said is kept with the turn.
Then it answers a stable share of the conversations. At every look it is compared with the live version; where the
evidence says that it is worse, it goes back by itself.
"""

from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from agent.desks import touch_desk
from agent.errors import BadInput, Conflict
from agent.promotions import promote
from agent.retrainings import approve, decline
from agent.tables import Desk, Retraining, Skill, Trial, Version, utc_now
from agent.tables.trials import ON_TRIAL
from agent.tallies import tally

NOTHING_FOUND = "The trial shows nothing against it."


@dataclass(frozen=True, slots=True)
class Plan:
    """How long a candidate reads along, and then how many conversations, of which share, it answers."""

    shadow_turns: int = 100
    canary_conversations: int = 50
    share: float = 0.25


def open_trial(
    session: Session, skill: Skill, version: Version, plan: Plan, actor: str, against: str | None = None
) -> Trial:
    """Begin a trial of a version against the live one (`against`: the version id the caller believes is live).

    Raises BadInput if there is nothing to hold it against, Conflict if a trial of this skill is under way or the
    live version is another one.
    """
    if skill.live_version_id is None:
        raise BadInput(f"'{skill.name}' has no live version that a trial could hold version {version.number} against.")
    if against is not None and skill.live_version_id != against:
        raise Conflict(f"The live version of '{skill.name}' was moved by somebody else meanwhile; look again.")
    if skill.live_version_id == version.id:
        raise BadInput(f"Version {version.number} of '{skill.name}' is live already.")
    if not plan.shadow_turns and not plan.canary_conversations:
        raise BadInput("A trial needs turns in the shadow, conversations to answer, or both.")
    trial = Trial(
        skill_id=skill.id,
        version_id=version.id,
        against_id=skill.live_version_id,
        stage="shadow" if plan.shadow_turns else "canary",
        actor=actor,
        **asdict(plan),
    )
    try:
        with session.begin_nested():
            session.add(trial)
            session.flush()
    except IntegrityError as error:
        raise Conflict(f"A trial of '{skill.name}' is under way already; stop it first.") from error
    touch_desk(session, skill.desk_id)
    return trial


def stop_trial(session: Session, trial: Trial, actor: str) -> None:
    """Stop a trial; the live version answers alone again. Raises Conflict if it has ended."""
    session.refresh(trial, with_for_update=True)
    if trial.stage not in ON_TRIAL:
        raise Conflict(f"This trial has ended already: {trial.stage}.")
    _end(session, trial, session.get_one(Skill, trial.skill_id), "stopped", f"Stopped by {actor}.")


def trials_under_way(session: Session) -> list[str]:
    """Return the ids of the trials that are open."""
    return list(session.scalars(select(Trial.id).where(Trial.stage.in_(ON_TRIAL)).order_by(Trial.created_at)))


def look_at_trial(session: Session, trial_id: str) -> Trial:
    """Bring a trial up to date: keep what it has shown, move it on, send it back, or promote what passed.

    Rows are locked in the order in which everybody does: retraining, skill, trial.
    """
    trial = session.get_one(Trial, trial_id)
    run = session.scalar(
        select(Retraining)
        .where(Retraining.candidate_id == trial.version_id, Retraining.status == "held")
        .with_for_update()
    )
    skill = session.get_one(Skill, trial.skill_id, with_for_update=True)
    session.refresh(trial, with_for_update=True)
    if trial.stage not in ON_TRIAL:
        return trial
    found = tally(session, trial)
    trial.figures = {**trial.figures, trial.stage: found.figures()}
    worse, wanted = found.worse(), trial.shadow_turns if trial.stage == "shadow" else trial.canary_conversations
    if worse is not None:
        _end(session, trial, skill, "returned", worse)
        if run is not None:
            decline(session, run, "its trial")
    elif found.seen >= wanted and trial.stage == "shadow" and trial.canary_conversations:
        trial.stage, trial.stage_at = "canary", utc_now()
        touch_desk(session, skill.desk_id)
    elif found.seen >= wanted:
        _pass(session, trial, skill, run)
    return trial


def _pass(session: Session, trial: Trial, skill: Skill, run: Retraining | None) -> None:
    """Promote what passed, unless the desk wants a human's yes."""
    if session.get_one(Desk, skill.desk_id).policy.get("approve", False):
        _end(session, trial, skill, "passed", f"{NOTHING_FOUND} It waits for a yes.")
        return
    _end(session, trial, skill, "promoted", NOTHING_FOUND)
    if run is not None:
        approve(session, run, "its trial")
    else:
        version = session.get_one(Version, trial.version_id)
        promote(session, skill, version, trial.against_id, trial.actor, f"passed {trial.id}")


def _end(session: Session, trial: Trial, skill: Skill, stage: str, reason: str) -> None:
    trial.stage, trial.reason, trial.ended_at = stage, reason, utc_now()
    touch_desk(session, skill.desk_id)
    session.flush()
