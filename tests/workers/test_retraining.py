"""One retraining from claim to decision, on both databases."""

import pytest
from sqlalchemy import delete, select

from agent.demo_desk import shipped
from agent.office import Office
from agent.tables import Desk, Example, Promotion, Skill, Version
from tests.workers.conftest import count, live, row_of, run
from workers.retraining import run_retraining


def test_the_first_version_is_promoted_with_everything_on_record(small: Office) -> None:
    with small.database.reading() as session:
        desk = session.scalars(select(Desk)).one()
        by_role = {
            role: sorted(session.scalars(select(Example.id).where(Example.role == role)))
            for role in ("train", "calibration", "gate", "golden")
        }
    assert small.releases.live.snapshot(desk.id).skills == ()
    row = run(small)
    assert (row.status, row.decision["promote"], row.error) == ("promoted", True, None)
    assert row.decision["reason"] == "First version of this skill."
    assert (row.attempt, row.lease_until) == (1, None)
    assert {role: sorted(row.snapshot[role]) for role in by_role} == by_role
    assert len(row.snapshot["hash"]) == 64
    with small.database.reading() as session:
        version = session.get_one(Version, row.candidate_id)
        promotion = session.scalars(select(Promotion)).one()
        assert session.get_one(Desk, desk.id).revision == desk.revision + 1
    assert (version.number, version.status, version.fingerprint) == (1, "live", small.backbone.fingerprint)
    assert (version.lineage["retraining"], version.lineage["snapshot_hash"]) == (row.id, row.snapshot["hash"])
    assert (version.lineage["train_rows"], version.lineage["calibration_rows"]) == (30, 102)
    assert version.scorecard["topic"]["rows"] == 160
    assert (promotion.retraining_id, promotion.actor, promotion.to_version_id) == (row.id, "ana", version.id)
    small.releases.refresh(desk.id)
    loaded = small.releases.live.snapshot(desk.id).skill("classification")
    assert loaded is not None
    assert loaded.version_id == version.id


def test_a_second_version_is_held_against_the_first(small: Office) -> None:
    run(small)
    row = run(small, seed=1)
    assert row.status == "promoted", row.decision
    assert "on 160 rows" in row.decision["reason"]
    assert row.decision["figures"]["loss_bound"] <= 0.02
    with small.database.reading() as session:
        versions = session.scalars(select(Version).order_by(Version.number)).all()
    assert [(version.number, version.status) for version in versions] == [(1, "retired"), (2, "live")]
    assert versions[0].digest != versions[1].digest


@pytest.mark.slow
def test_a_demo_skill_that_learnt_too_little_is_refused_and_the_others_stay(office: Office) -> None:
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "classification")).one()
        rows = session.scalars(select(Example).where(Example.skill_id == skill.id).order_by(Example.digest))
        by_role: dict[str, list[str]] = {}
        for example in rows:
            by_role.setdefault(example.role, []).append(example.id)
        surplus = by_role["train"][32:] + by_role["calibration"][100:] + by_role["gate"][100:]
        session.execute(delete(Example).where(Example.id.in_(surplus)))
        desk = session.scalars(select(Desk)).one()
    before = office.releases.live.snapshot(desk.id)
    fingerprint = office.backbone.fingerprint
    row = run(office)
    assert (row.status, row.decision["promote"]) == ("refused", False)
    assert "would be right instead of" in row.decision["reason"]
    assert live(office) == 1
    office.backbone.verify()
    assert office.backbone.fingerprint == fingerprint
    with office.database.reading() as session:
        version = session.get_one(Version, row.candidate_id)
        assert (version.status, version.number) == ("rejected", 2)
        assert version.scorecard["gate"] == row.decision["figures"]
        assert session.get_one(Desk, desk.id).revision == desk.revision
        live_now = select(Skill.name, Version.digest).join(Version, Skill.live_version_id == Version.id)
        digests = dict(session.execute(live_now).all())
    assert digests == {name: shipped(name)[0]["digest"] for name in ("router", "classification", "faq", "sentiment")}
    office.releases.refresh(desk.id)
    assert office.releases.live.snapshot(desk.id) is before


def test_the_same_task_delivered_twice_does_nothing_the_second_time(small: Office) -> None:
    row = run(small)
    run_retraining(small, row.id)
    run_retraining(small, "ret_unknown")
    again = row_of(small, row.id)
    assert (again.attempt, again.ended_at) == (1, row.ended_at)
    assert (count(small, Version), count(small, Promotion)) == (1, 1)


def test_rows_of_a_label_the_desk_no_longer_has_are_left_out(small: Office) -> None:
    with small.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "classification")).one()
        skill.labels = {"topic": ["cards", "transfers"]}
    row = run(small)
    assert row.status == "promoted"
    with small.database.reading() as session:
        seen = session.scalars(select(Example).where(Example.id.in_(row.snapshot["train"]))).all()
    assert {example.target["topic"] for example in seen} == {"cards", "transfers"}
    assert len(seen) == 20


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        ([], "'classification' has 0 training examples; it needs at least 8."),
        (["cards"], "All 'topic' examples of 'classification' have one label; it needs at least two."),
    ],
)
def test_examples_that_teach_nothing_fail_the_run_in_one_sentence(
    small: Office, kept: list[str], sentence: str
) -> None:
    with small.database.writing() as session:
        for example in session.scalars(select(Example).where(Example.role == "train")):
            if example.target["topic"] not in kept:
                session.delete(example)
    row = run(small)
    assert (row.status, row.error, row.candidate_id) == ("failed", sentence, None)
    assert live(small) is None
    assert run(small).id != row.id, "a failed run stands in nobody's way"


def test_a_skill_without_any_examples_fails_in_one_sentence(small: Office) -> None:
    row = run(small, name="sentiment")
    assert (row.status, row.error) == ("failed", "'sentiment' has 0 training examples; it needs at least 8.")
