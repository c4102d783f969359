"""The live pointer: one live version, moved by compare-and-swap."""

import threading

import pytest
from sqlalchemy import func, select

from agent.database import Database
from agent.desks import make_desk
from agent.errors import BadInput, Conflict, NotFound
from agent.promotions import find_version, promote, rollback
from agent.tables import Artefact, Desk, Promotion, Skill, Version


@pytest.fixture
def skill_id(database: Database) -> str:
    """A skill with three candidate versions."""
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        skill = session.scalars(select(Skill).where(Skill.desk_id == desk.id, Skill.name == "router")).one()
        for number in (1, 2, 3):
            session.add(Artefact(digest=f"digest{number}", content=b"x"))
            session.flush()
            session.add(Version(skill_id=skill.id, number=number, digest=f"digest{number}", fingerprint="f"))
        return skill.id


def go_live(database: Database, skill_id: str, number: int, expected: int | None) -> None:
    with database.writing() as session:
        skill = session.get_one(Skill, skill_id)
        before = find_version(session, skill, expected).id if expected else None
        promote(session, skill, find_version(session, skill, number), before, "tester", "because")


def live(database: Database, skill_id: str) -> tuple[int, list[tuple[int, str]]]:
    with database.reading() as session:
        skill = session.get_one(Skill, skill_id)
        rows = session.execute(select(Version.number, Version.status).order_by(Version.number))
        return session.get_one(Version, skill.live_version_id).number, [(number, status) for number, status in rows]


def test_a_promotion_retires_the_version_before(database: Database, skill_id: str) -> None:
    go_live(database, skill_id, 1, None)
    go_live(database, skill_id, 2, 1)
    assert live(database, skill_id) == (2, [(1, "retired"), (2, "live"), (3, "candidate")])


def test_a_promotion_from_a_stale_belief_conflicts_and_changes_nothing(database: Database, skill_id: str) -> None:
    go_live(database, skill_id, 1, None)
    with pytest.raises(Conflict, match="moved by somebody else"):
        go_live(database, skill_id, 3, 2)
    with pytest.raises(Conflict, match="moved by somebody else"):
        go_live(database, skill_id, 3, None)
    with pytest.raises(Conflict, match="live already"):
        go_live(database, skill_id, 1, 1)
    assert live(database, skill_id)[0] == 1


def test_of_two_promotions_at_once_one_conflicts(database: Database, skill_id: str) -> None:
    go_live(database, skill_id, 1, None)
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        try:
            go_live(database, skill_id, number, 1)
            outcomes.append("promoted")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=attempt, args=(number,)) for number in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict", "promoted"]
    assert [status for _, status in live(database, skill_id)[1]].count("live") == 1


def test_rollback_goes_to_the_version_that_was_live_before(database: Database, skill_id: str) -> None:
    go_live(database, skill_id, 1, None)
    go_live(database, skill_id, 3, 1)
    with database.writing() as session:
        rollback(session, session.get_one(Skill, skill_id), "tester")
    assert live(database, skill_id)[0] == 1
    with database.writing() as session:
        rollback(session, session.get_one(Skill, skill_id), "tester")  # the one before that was 3
    assert live(database, skill_id)[0] == 3
    with database.writing() as session:
        rollback(session, session.get_one(Skill, skill_id), "tester", number=2)
    assert live(database, skill_id)[0] == 2
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Promotion)) == 5
        assert session.scalars(select(Desk.revision)).one() == 6


def test_there_may_be_nothing_to_go_back_to(database: Database, skill_id: str) -> None:
    go_live(database, skill_id, 1, None)
    with database.writing() as session:
        skill = session.get_one(Skill, skill_id)
        with pytest.raises(BadInput, match="no earlier version"):
            rollback(session, skill, "tester")
        with pytest.raises(NotFound, match="no version 9"):
            rollback(session, skill, "tester", number=9)
