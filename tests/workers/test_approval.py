"""On a desk that wants a human's yes, what the gate passes waits for it."""

import pytest
from sqlalchemy import delete, select

from agent.errors import Conflict
from agent.office import Office
from agent.promotions import promote
from agent.retrainings import approve, decline
from agent.tables import Desk, Example, Promotion, Retraining, Skill, Version
from tests.workers.conftest import live, row_of, run


@pytest.fixture
def careful(small: Office) -> Office:
    """The small desk with a first version, and the wish to be asked from now on."""
    run(small)
    with small.database.writing() as session:
        session.scalars(select(Desk)).one().policy = {"approve": True}
    return small


def decided(office: Office, row: Retraining, yes: bool) -> Retraining:
    with office.database.writing() as session:
        found = session.get_one(Retraining, row.id)
        approve(session, found, "ben") if yes else decline(session, found, "ben")
    return row_of(office, row.id)


def status(office: Office, row: Retraining) -> str:
    with office.database.reading() as session:
        return session.get_one(Version, row.candidate_id).status


def test_a_candidate_is_held_until_somebody_says_yes(careful: Office) -> None:
    row = run(careful, seed=1)
    assert (row.status, row.decision["promote"], row.lease_until) == ("held", True, None)
    assert (live(careful), status(careful, row)) == (1, "candidate")
    row = decided(careful, row, yes=True)
    assert (row.status, live(careful), status(careful, row)) == ("promoted", 2, "live")
    with careful.database.reading() as session:
        moved = session.scalars(select(Promotion).where(Promotion.retraining_id == row.id)).one()
    assert moved.reason.endswith("Approved by ben.")
    with pytest.raises(Conflict, match="it is promoted"):
        decided(careful, row, yes=False)


def test_what_the_rows_cannot_tell_is_held_on_any_desk(small: Office) -> None:
    run(small)
    with small.database.writing() as session:
        gate = list(session.scalars(select(Example.id).where(Example.role == "gate").order_by(Example.id)))
        session.execute(delete(Example).where(Example.id.in_(gate[100:])))
    row = run(small, seed=1)
    assert (row.status, row.decision["promote"], live(small)) == ("held", False, 1)
    assert "100 rows are few. A human decides." in row.decision["reason"]
    assert (decided(small, row, yes=True).status, live(small)) == ("promoted", 2)


def test_a_no_leaves_the_live_version_and_a_new_run_may_begin(careful: Office) -> None:
    row = decided(careful, run(careful, seed=1), yes=False)
    assert (row.status, live(careful), status(careful, row)) == ("refused", 1, "rejected")
    assert row.decision["reason"].endswith("Declined by ben.")
    assert run(careful, seed=2).status == "held"


def test_a_yes_comes_too_late_if_another_version_went_live(careful: Office) -> None:
    first, second = run(careful, seed=1), run(careful, seed=2)
    decided(careful, second, yes=True)
    with pytest.raises(Conflict, match="moved by somebody else"):
        decided(careful, first, yes=True)
    assert (row_of(careful, first.id).status, live(careful)) == ("held", 3)
    with careful.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "classification")).one()
        by_hand = session.get_one(Version, first.candidate_id)
        promote(session, skill, by_hand, skill.live_version_id, "ana", "by hand all the same")
    assert live(careful) == 2
