"""The row is the job: one open run a skill, leases, fencing by attempt."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from agent.database import Database
from agent.desks import make_desk
from agent.errors import Conflict
from agent.retrainings import (
    MOST_ATTEMPTS,
    LeaseLost,
    cancel,
    claim,
    end,
    expire,
    keep_lease,
    open_retraining,
    snapshot_of,
)
from agent.tables import Example, Retraining, Skill, utc_now


@pytest.fixture
def job(database: Database) -> str:
    """A queued retraining."""
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        skill = session.scalars(select(Skill).where(Skill.desk_id == desk.id, Skill.name == "faq")).one()
        return open_retraining(session, skill, "call", "tester").id


def take(database: Database, job: str, worker: str = "w") -> Retraining | None:
    with database.writing() as session:
        return claim(session, job, worker)


def lapse(database: Database, job: str) -> None:
    """Let the lease run out."""
    with database.writing() as session:
        session.execute(update(Retraining).values(lease_until=utc_now() - timedelta(seconds=1)))


def test_one_open_run_a_skill(database: Database, job: str) -> None:
    with database.writing() as session:
        skill = session.get_one(Skill, session.get_one(Retraining, job).skill_id)
        with pytest.raises(Conflict, match="under way"):
            open_retraining(session, skill, "call", "tester")


def test_only_one_worker_gets_it(database: Database, job: str) -> None:
    assert take(database, job, "first") is not None
    assert take(database, job, "second") is None
    assert take(database, "ret_unknown") is None


def test_an_abandoned_run_is_taken_over_and_the_old_worker_is_fenced(database: Database, job: str) -> None:
    old = take(database, job, "old")
    lapse(database, job)
    new = take(database, job, "new")
    assert old is not None
    assert new is not None
    assert (old.attempt, new.attempt) == (1, 2)
    with database.writing() as session, pytest.raises(LeaseLost):
        keep_lease(session, old, {"done": 5})
    with database.writing() as session, pytest.raises(LeaseLost):
        end(session, old, "promoted")
    with database.writing() as session:
        keep_lease(session, new, {"done": 1})
        end(session, new, "refused", decision={"reason": "x"})
    with database.reading() as session:
        row = session.get_one(Retraining, job)
        assert (row.status, row.progress, row.worker) == ("refused", {"done": 1}, "new")


def test_dying_too_often_fails_for_good(database: Database, job: str) -> None:
    for _ in range(MOST_ATTEMPTS):
        assert take(database, job) is not None
        lapse(database, job)
    assert take(database, job) is None
    with database.writing() as session:
        assert expire(session) == []
        row = session.get_one(Retraining, job)
        assert row.status == "failed"
        assert "died 3 times" in str(row.error)


def test_the_sweep_finds_what_waits_and_what_was_abandoned(database: Database, job: str) -> None:
    with database.writing() as session:
        assert expire(session) == [job]
    take(database, job)
    with database.writing() as session:
        assert expire(session) == []
    lapse(database, job)
    with database.writing() as session:
        assert expire(session) == [job]


def test_cancelling_waits_for_nobody_when_queued(database: Database, job: str) -> None:
    with database.writing() as session:
        cancel(session, session.get_one(Retraining, job))
    assert take(database, job) is None
    with database.writing() as session, pytest.raises(Conflict, match="ended already"):
        cancel(session, session.get_one(Retraining, job))


def test_cancelling_reaches_the_worker_with_its_next_heartbeat(database: Database, job: str) -> None:
    row = take(database, job)
    assert row is not None
    with database.writing() as session:
        assert keep_lease(session, row, {}) is False
        cancel(session, session.get_one(Retraining, job))
    with database.writing() as session:
        assert keep_lease(session, row, {}) is True


def test_a_snapshot_names_rows_by_role_and_changes_with_their_targets() -> None:
    def rows(target: str) -> list[Example]:
        return [
            Example(id="e1", role="train", digest="d1", target={"intent": target}, correction_id="c1"),
            Example(id="e2", role="gate", digest="d2", target={"intent": "b"}, correction_id="c2"),
            Example(id="e3", role="train", digest="d3", target={"intent": None}, correction_id=None),
        ]

    first, other = snapshot_of(rows("a")), snapshot_of(rows("b"))
    assert (first["train"], first["gate"], first["golden"]) == (["e1", "e3"], ["e2"], [])
    assert first["train_corrections"] == ["c1"]
    assert first["hash"] == snapshot_of(rows("a"))["hash"] != other["hash"]
