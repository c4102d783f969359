"""One retraining: claim, freeze, tune, store, compare, promote or refuse."""

from typing import Any

import structlog
from sqlalchemy import select, update

from agent.corrections import origins
from agent.examples import examples_of, ready_skill, with_known_labels
from agent.office import Office
from agent.retrainings import LeaseLost, claim, end, frozen_ids, snapshot_of, write
from agent.settings import TRAINING_GIB
from agent.tables import Example, Retraining, Skill
from skills import skill as shapes
from skills.errors import CannotTune, SkillsError, TuningCancelled
from skills.phrases import says
from workers.app import worker_name
from workers.candidates import conclude, store_candidate, tune_candidate
from workers.heartbeat import heartbeat
from workers.memory import bounded_memory
from workers.selection import select_rows
from workers.spare_time import spare_time

log = structlog.get_logger(__name__)


def run_retraining(office: Office, retraining_id: str, most_gib: float = TRAINING_GIB) -> None:
    """Claim a retraining and carry it to its end; do nothing if another worker has it.

    It fails, in words, if it needs more than `most_gib` of memory.
    """
    with office.database.writing() as session:
        row = claim(session, retraining_id, worker_name())
    if row is None:
        return
    log.info("retraining_claimed", retraining=row.id, attempt=row.attempt)
    try:
        with bounded_memory(most_gib):
            _learn(office, row)
    except LeaseLost:
        log.warning("retraining_lease_lost", retraining=row.id, attempt=row.attempt)
    except TuningCancelled:
        _end(office, row, "cancelled")
    except CannotTune as error:
        _end(office, row, "failed", error=str(error))
    except SkillsError as error:
        log.exception("retraining_failed", retraining=row.id)
        _end(office, row, "failed", error=str(error))
    except Exception as error:
        _end(office, row, "failed", error=f"An unexpected error stopped the training ({type(error).__name__}).")
        raise


def _learn(office: Office, row: Retraining) -> None:
    with heartbeat(office.database, row) as progress, spare_time():  # the heartbeat itself keeps its priority
        office.backbone.verify()
        ready, rows = _frozen_rows(office, row)
        tuned = tune_candidate(office.backbone, ready, rows, row, progress)
        progress.stage("storing")
        version_id = store_candidate(office, row, tuned)
        progress.stage("comparing")
        conclusion = conclude(office, ready, rows, version_id, row.snapshot.get("suspects", ()))
    desk_id = conclusion.write(office, row)
    office.jobs.tell("desk", desk_id)


def _frozen_rows(office: Office, row: Retraining) -> tuple[shapes.Skill, list[Example]]:
    """Return the skill and the examples of this run: frozen by its first attempt, the same for every later one.

    An example that was erased since is left out.
    """
    with office.database.reading() as session:
        skill = session.get_one(Skill, row.skill_id)
        ready, rows, known = ready_skill(session, skill), examples_of(session, skill), origins(session, skill)
    if row.snapshot:
        frozen = frozen_ids(row.snapshot)
        return ready, [example for example in rows if example.id in frozen]
    chosen = select_rows(office.backbone, ready, with_known_labels(ready, rows), known)
    with office.database.writing() as session:
        write(session, row)  # locked first: what is erased from here on is marked in this run's row
        there = set(session.scalars(select(Example.id).where(Example.skill_id == row.skill_id)))
        kept = [example for example in chosen.kept if example.id in there]
        gone = [example.text for example in rows if example.id not in there]
        suspects = [found for found in chosen.suspects if not any(says(text, found[0]) for text in gone)]
        row.snapshot = {**snapshot_of(kept), "left_out": chosen.left_out, "suspects": suspects}
        write(session, row, snapshot=row.snapshot)
        cleared = {example.id: {} for example in kept if "rather" in example.doubt}
        for example_id, doubt in {**cleared, **chosen.doubts}.items():
            session.execute(update(Example).where(Example.id == example_id).values(doubt=doubt))
    return ready, kept


def _end(office: Office, row: Retraining, status: str, **values: Any) -> None:  # noqa: ANN401 - column values
    try:
        with office.database.writing() as session:
            end(session, row, status, **values)
    except LeaseLost:
        log.warning("retraining_lease_lost", retraining=row.id, attempt=row.attempt)
        return
    log.info("retraining_ended", retraining=row.id, status=status)
