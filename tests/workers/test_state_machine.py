"""Whatever order workers, admins, sweeps and deaths come in: one live version, one open run, no promotion twice."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from agent.desks import make_desk
from agent.errors import BadInput, Conflict
from agent.office import Office
from agent.promotions import promote, rollback
from agent.retrainings import (
    MOST_ATTEMPTS,
    OPEN,
    LeaseLost,
    approve,
    cancel,
    claim,
    decline,
    expire,
    keep_lease,
    open_retraining,
)
from agent.tables import Desk, Promotion, Retraining, Skill, Version, new_id, utc_now
from skills.errors import TuningCancelled
from skills.gate import Decision
from skills.kinds import make_skill
from skills.skill import Example
from skills.tuning import Tuned, tune
from workers.candidates import Conclusion, store_candidate

TOPICS = make_skill("classification", "classification", {"topic": ["a", "b"]}, {})


class Learning(RuleBasedStateMachine):
    """One skill, any number of workers that may be late, and admins who decide as they please."""

    attempts = Bundle("attempts")

    def __init__(self, office: Office, tuned: Tuned) -> None:
        super().__init__()
        self.office, self.tuned = office, tuned
        with office.database.writing() as session:
            desk = make_desk(session, new_id("d"), "D")
            self.desk_id = desk.id
            self.skill_id = session.scalars(select(Skill.id).where(Skill.desk_id == desk.id, Skill.name == "faq")).one()
        self.ended: dict[str, str] = {}

    def write(self, act: Any) -> Any:
        with self.office.database.writing() as session:
            return act(session)

    def row(self, row_id: str) -> Retraining:
        with self.office.database.reading() as session:
            return session.get_one(Retraining, row_id)

    def rows(self) -> list[Retraining]:
        with self.office.database.reading() as session:
            return list(session.scalars(select(Retraining).where(Retraining.skill_id == self.skill_id)))

    def newest(self, *statuses: str) -> str | None:
        found = [row for row in self.rows() if row.status in statuses]
        return max(found, key=lambda row: row.created_at).id if found else None

    def owns(self, attempt: Retraining) -> bool:
        now = self.row(attempt.id)
        return now.status == "running" and now.attempt == attempt.attempt

    @initialize()
    def learn_twice(self) -> None:
        """Begin where it gets interesting: one version retired, one live."""
        for _ in range(2):
            self.ask()
            attempt = self.take()
            self.store(attempt)
            self.conclude(attempt, passes=True, late=False)

    @rule()
    def ask(self) -> None:
        open_before = self.newest(*OPEN)
        try:
            self.write(lambda s: open_retraining(s, s.get_one(Skill, self.skill_id), "call", "ana"))
        except Conflict:
            assert open_before is not None
        else:
            assert open_before is None

    @rule(target=attempts)
    def take(self) -> Any:
        row_id = self.newest(*OPEN)
        taken = self.write(lambda s: claim(s, row_id, "w")) if row_id else None
        return taken if taken is not None else multiple()

    @rule()
    def lapse(self) -> None:
        past = utc_now() - timedelta(seconds=1)
        running = (Retraining.skill_id == self.skill_id, Retraining.status == "running")
        self.write(lambda s: s.execute(update(Retraining).where(*running).values(lease_until=past)))

    @rule()
    def sweep(self) -> None:
        self.write(expire)

    @rule(attempt=attempts)
    def beat(self, attempt: Retraining) -> None:
        own = self.owns(attempt)
        try:
            self.write(lambda s: keep_lease(s, attempt, {"stage": "training"}))
        except LeaseLost:
            assert not own
        else:
            assert own

    @rule(attempt=attempts)
    def store(self, attempt: Retraining) -> None:
        own = self.owns(attempt)
        attempt.snapshot = {"hash": "0"}
        try:
            store_candidate(self.office, attempt, self.tuned)
        except LeaseLost:
            assert not own
        else:
            assert own

    @rule(attempt=attempts, passes=st.booleans(), late=st.booleans())
    def conclude(self, attempt: Retraining, passes: bool, late: bool) -> None:
        now, own = self.row(attempt.id), self.owns(attempt)
        if now.candidate_id is None:
            return
        believed = None if late else self.live_id()
        conclusion = Conclusion(now.candidate_id, believed, Decision(passes, "Said so.", {}), {})
        with suppress(LeaseLost, TuningCancelled):
            conclusion.write(self.office, attempt)
            assert own

    @rule()
    def stop(self) -> None:
        row_id = self.newest(*OPEN)
        if row_id:
            self.write(lambda s: cancel(s, s.get_one(Retraining, row_id)))

    @rule(wanted=st.booleans())
    def want_to_be_asked(self, wanted: bool) -> None:
        self.write(lambda s: s.execute(update(Desk).where(Desk.id == self.desk_id).values(policy={"approve": wanted})))

    @rule(yes=st.booleans())
    def decide(self, yes: bool) -> None:
        row_id = self.newest("held")
        if row_id:
            with suppress(Conflict):  # another version went live meanwhile
                self.write(lambda s: (approve if yes else decline)(s, s.get_one(Retraining, row_id), "ben"))

    @rule()
    def go_back(self) -> None:
        with suppress(BadInput, Conflict):  # nothing to go back to
            self.write(lambda s: rollback(s, s.get_one(Skill, self.skill_id), "ben"))

    @rule(number=st.integers(1, 4), late=st.booleans())
    def by_hand(self, number: int, late: bool) -> None:
        live = self.live_id()
        with self.office.database.reading() as session:
            numbers = {row.number: row for row in session.scalars(select(Version).filter_by(skill_id=self.skill_id))}
        version, believed = numbers.get(number), numbers[len(numbers)].id if late and numbers else live
        if version is None:
            return
        try:
            self.write(lambda s: promote(s, s.get_one(Skill, self.skill_id), version, believed, "ben", "by hand"))
        except Conflict:
            assert believed != live or version.id == live
        else:
            assert believed == live

    def live_id(self) -> str | None:
        with self.office.database.reading() as session:
            return session.get_one(Skill, self.skill_id).live_version_id

    @invariant()
    def one_version_is_live_and_numbers_are_not_used_twice(self) -> None:
        with self.office.database.reading() as session:
            versions = list(session.scalars(select(Version).where(Version.skill_id == self.skill_id)))
            pointer = session.get_one(Skill, self.skill_id).live_version_id
        assert [version.id for version in versions if version.status == "live"] == ([pointer] if pointer else [])
        assert sorted(version.number for version in versions) == list(range(1, len(versions) + 1))

    @invariant()
    def one_run_is_open_none_is_tried_too_often_and_what_ended_has_ended(self) -> None:
        rows = self.rows()
        assert sum(row.status in OPEN for row in rows) <= 1
        assert all(row.attempt <= MOST_ATTEMPTS for row in rows)
        for row in rows:
            before = self.ended.get(row.id)
            assert before in (None, row.status) or before == "held", (before, row.status)
            if row.status not in OPEN:
                assert row.lease_until is None or row.status == "failed"
                self.ended[row.id] = row.status

    @invariant()
    def a_run_promotes_once_and_says_so(self) -> None:
        with self.office.database.reading() as session:
            learnt = (Promotion.skill_id == self.skill_id, Promotion.retraining_id.is_not(None))
            moved = list(session.scalars(select(Promotion.retraining_id).where(*learnt)))
        assert len(moved) == len(set(moved))
        assert set(moved) == {row.id for row in self.rows() if row.status == "promoted"}


@pytest.fixture
def tuned(small: Office) -> Tuned:
    """Some candidate: what it says does not matter here."""
    rows = [Example(f"{word} {n}", {"topic": word}) for word in ("a", "b") for n in range(8)]
    return tune(small.backbone, TOPICS, rows)


def test_learning_keeps_its_invariants_in_any_order(small: Office, tuned: Tuned) -> None:
    rules = settings(
        max_examples=40,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate,),  # shrinking a failure would take minutes
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Learning(small, tuned), settings=rules)  # type: ignore[no-untyped-call]
