"""A run that somebody cancelled, or that another worker took over, writes nothing more."""

from typing import Any

import pytest
from sqlalchemy import select, update

from agent.examples import add_example
from agent.office import Office
from agent.retrainings import LeaseLost, cancel, claim
from agent.tables import Artefact, Retraining, Skill, Version, utc_now
from tests.workers.conftest import count, live, opened, row_of
from workers import retraining
from workers.retraining import run_retraining

STAGES = ("tune_candidate", "store_candidate", "conclude")


def during(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, act: Any) -> None:
    """Do something at the moment a stage of the run begins; the stage itself runs as ever."""
    stage = getattr(module, name)

    def and_then(*arguments: Any, **named: Any) -> Any:
        act()
        return stage(*arguments, **named)

    monkeypatch.setattr(module, name, and_then)


@pytest.mark.parametrize("stage", STAGES)
def test_cancelling_a_running_one_promotes_nothing(small: Office, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    job = opened(small)

    def ask() -> None:
        with small.database.writing() as session:
            cancel(session, session.get_one(Retraining, job))

    during(monkeypatch, retraining, stage, ask)
    run_retraining(small, job)
    row = row_of(small, job)
    assert (row.status, row.decision, row.error) == ("cancelled", {}, None)
    assert row.ended_at is not None
    assert live(small) is None


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_that_lost_its_lease_writes_nothing(
    small: Office, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    job = opened(small)

    def take_over() -> None:
        with small.database.writing() as session:
            session.execute(update(Retraining).values(lease_until=utc_now()))
        with small.database.writing() as session:
            assert claim(session, job, "another") is not None

    during(monkeypatch, retraining, stage, take_over)
    run_retraining(small, job)
    row = row_of(small, job)
    assert (row.status, row.worker, row.attempt, row.decision) == ("running", "another", 2, {})
    assert live(small) is None
    assert (count(small, Version), count(small, Artefact)) == ((1, 1) if stage == "conclude" else (0, 0))


def test_the_next_attempt_sees_the_rows_that_the_first_one_froze(
    small: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = opened(small)
    with monkeypatch.context() as patch:
        patch.setattr(retraining, "store_candidate", died)
        run_retraining(small, job)
    first = row_of(small, job)
    with small.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "classification")).one()
        late = add_example(session, skill, "came late", {"topic": "cards"}, "test", "train")
        session.execute(update(Retraining).values(lease_until=utc_now()))
    run_retraining(small, job)
    row = row_of(small, job)
    assert (row.status, row.attempt, row.snapshot) == ("promoted", 2, first.snapshot)
    assert late.id not in row.snapshot["train"]


def died(*_: Any) -> str:
    raise LeaseLost("as if the process had been killed here: nothing is written any more")
