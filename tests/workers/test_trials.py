"""On a desk that wants it, what the gate passes is tried on live traffic before it goes live."""

import pytest
from sqlalchemy import select

from agent.office import Office
from agent.retrainings import approve, decline
from agent.settings import Settings
from agent.tables import Desk, Promotion, Retraining, Skill, Trial
from agent.trials import stop_trial
from tests.conversations import store_turn
from tests.workers.conftest import live, row_of, run
from workers.sweep import run_sweep

PLAN = {"shadow_turns": 3, "canary_conversations": 0, "share": 0.25}


@pytest.fixture
def trying(small: Office) -> Office:
    """The small desk with a first version, and the wish to try what follows."""
    run(small)
    want(small, trial=PLAN)
    return small


def want(office: Office, **policy: object) -> None:
    with office.database.writing() as session:
        session.scalars(select(Desk)).one().policy = policy


def trial_of(office: Office, row: Retraining) -> Trial:
    with office.database.reading() as session:
        return session.scalars(select(Trial).where(Trial.version_id == row.candidate_id)).one()


def read_along(office: Office, trial: Trial, times: int, **would: object) -> None:
    """Store turns that a shadow has read."""
    said = {"trial": trial.id, "outcome": "answered", "article": None, "failed": False, **would}
    with office.database.writing() as session:
        desk_id = session.scalars(select(Desk.id)).one()
        for number in range(times):
            store_turn(session, desk_id, f"Question {number}", shadow=[said])


def test_the_first_version_goes_live_at_once_and_the_next_is_tried(small: Office) -> None:
    want(small, trial=PLAN)
    assert run(small).status == "promoted"
    row = run(small, seed=1)
    assert (row.status, row.decision["promote"]) == ("held", True)
    assert row.decision["reason"].endswith("It is on trial first.")
    assert (trial_of(small, row).stage, live(small)) == ("shadow", 1)


def test_what_passes_is_promoted_by_the_sweep_and_the_run_says_so(trying: Office, settings: Settings) -> None:
    row = run(trying, seed=1)
    read_along(trying, trial_of(trying, row), 2)
    run_sweep(settings)
    assert (trial_of(trying, row).stage, row_of(trying, row.id).status) == ("shadow", "held")
    read_along(trying, trial_of(trying, row), 1)
    run_sweep(settings)
    assert (trial_of(trying, row).stage, row_of(trying, row.id).status, live(trying)) == ("promoted", "promoted", 2)
    with trying.database.reading() as session:
        moved = session.scalars(select(Promotion).where(Promotion.retraining_id == row.id)).one()
    assert moved.reason.endswith("Approved by its trial.")


def test_what_is_worse_is_refused_by_the_sweep(trying: Office, settings: Settings) -> None:
    row = run(trying, seed=1)
    read_along(trying, trial_of(trying, row), 9, outcome="no_answer", failed=True)
    run_sweep(settings)
    assert (trial_of(trying, row).stage, row_of(trying, row.id).status, live(trying)) == ("returned", "refused", 1)


def test_on_a_desk_that_wants_a_yes_too_it_waits_for_it(trying: Office, settings: Settings) -> None:
    want(trying, trial=PLAN, approve=True)
    row = run(trying, seed=1)
    read_along(trying, trial_of(trying, row), 3)
    run_sweep(settings)
    assert (trial_of(trying, row).stage, row_of(trying, row.id).status, live(trying)) == ("passed", "held", 1)
    with trying.database.writing() as session:
        approve(session, session.get_one(Retraining, row.id), "ben")
    assert live(trying) == 2


def test_a_no_ends_the_trial_and_a_stopped_trial_leaves_the_choice(trying: Office) -> None:
    row = run(trying, seed=1)
    with trying.database.writing() as session:
        decline(session, session.get_one(Retraining, row.id), "ben")
    assert (trial_of(trying, row).stage, trial_of(trying, row).reason) == ("stopped", "Declined by ben.")
    row = run(trying, seed=2)
    with trying.database.writing() as session:
        stop_trial(session, session.get_one(Trial, trial_of(trying, row).id), "ben")
    assert row_of(trying, row.id).status == "held"


def test_a_newer_candidate_takes_the_place_of_the_one_on_trial(trying: Office) -> None:
    first, second = run(trying, seed=1), run(trying, seed=2)
    assert (trial_of(trying, first).stage, trial_of(trying, second).stage) == ("stopped", "shadow")
    assert trial_of(trying, first).reason == "Version 3 takes its place."
    with trying.database.writing() as session:
        decline(session, session.get_one(Retraining, first.id), "ben")
    assert trial_of(trying, second).stage == "shadow"


def test_a_candidate_held_against_an_old_live_version_is_refused(trying: Office, monkeypatch) -> None:
    """The live version moves between the comparison and its conclusion."""
    from workers import retraining as flow

    real = flow.conclude

    def moved_meanwhile(office, *rest):
        found = real(office, *rest)
        with office.database.writing() as session:
            skill = session.scalars(select(Skill).where(Skill.name == "classification")).one()
            skill.live_version_id = found.version_id
        return found

    monkeypatch.setattr(flow, "conclude", moved_meanwhile)
    row = run(trying, seed=1)
    assert (row.status, row.decision["promote"]) == ("refused", False)
    assert "moved by somebody else" in row.decision["reason"]
