"""Training yields to everything else, and its heartbeat does not."""

import os
import threading

import pytest
from sqlalchemy import select

from agent.office import Office
from agent.tables import Retraining
from tests.conftest import wait_for
from tests.workers.conftest import opened
from workers import retraining
from workers import spare_time as module
from workers.retraining import run_retraining
from workers.spare_time import spare_time

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="only Linux has an idle class")


def policy_of_a_new_thread() -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(os.sched_getscheduler(0)))
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_and_those_it_starts_take_idle_time_and_come_back() -> None:
    before = os.sched_getscheduler(0)
    with pytest.raises(ZeroDivisionError), spare_time():
        assert os.sched_getscheduler(0) == os.SCHED_IDLE
        assert policy_of_a_new_thread() == os.SCHED_IDLE
        raise ZeroDivisionError
    assert os.sched_getscheduler(0) == before == policy_of_a_new_thread()


def test_a_starved_thread_gets_its_ordinary_class_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that waits gets no time either, whatever the machine is busy with."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    with module.spare_time():
        wait_for(lambda: os.sched_getscheduler(0) == os.SCHED_OTHER, 10)


def test_a_retraining_runs_on_spare_time_and_its_lease_does_not(small: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    real = retraining.tune_candidate

    def watched(*arguments):
        beats = next(thread for thread in threading.enumerate() if thread.name == "heartbeat")
        seen["training"] = os.sched_getscheduler(0)
        seen["heartbeat"] = os.sched_getscheduler(beats.native_id or 0)
        return real(*arguments)

    monkeypatch.setattr(retraining, "tune_candidate", watched)
    run_retraining(small, opened(small))
    assert seen == {"training": os.SCHED_IDLE, "heartbeat": os.SCHED_OTHER}
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    with small.database.reading() as session:
        assert session.scalars(select(Retraining.status)).one() == "promoted"
