"""Turns a second with one, two and three API processes, and what is lost when one of three is killed under load.

    python bench/replicas.py [--quick] [--json]

Each API has a data folder of its own and one core to itself as far as there are cores: it reads on one thread and is
held on one core, as a machine with one core would be; APIs and workers are each in a network namespace of their own
where this machine allows that (bench/namespaces.py). PostgreSQL, the queue server, two workers and the visitors run
beside them on the same cores. Then one of three APIs is killed while visitors write: each goes on at another API with
the message that was not answered, under the same client message id, and every message must be stored and answered once.
"""

import os
import statistics
import time
from pathlib import Path
from typing import Any

from figures import Figure, paired, show
from namespaces import enter
from processes import Installation, Visitors, installed
from sqlalchemy import func, select

from agent import demo
from agent.database import Database
from agent.tables import Message, Turn

VISITORS = 48
NEARLY, COSTLIER = 1.7, 1.1


def stored(house: Installation) -> tuple[int, set[str]]:
    """Return how many customers' messages there are, and the ids of turns."""
    database = Database(house.url, pool=1)
    with database.reading() as session:
        messages = session.scalar(select(func.count()).select_from(Message).where(Message.author == "customer")) or 0
        turns = set(session.scalars(select(Turn.id)))
    database.close()
    return messages, turns


def core_seconds(house: Installation, names: list[str]) -> float:
    """Return the processor time that these APIs have taken so far."""
    stats = [Path(f"/proc/{house.pid(name)}/stat").read_text(encoding="utf-8").rpartition(")")[2] for name in names]
    return sum(int(ticks) for stat in stats for ticks in stat.split()[11:13]) / os.sysconf("SC_CLK_TCK")


def rate(house: Installation, names: list[str], plan: dict[str, Any]) -> tuple[float, float]:
    """Return turns a second of visitors spread over these APIs, and the APIs' core seconds for a turn."""
    before = core_seconds(house, names)
    met = Visitors(house, names, **plan).heard()
    turns = len(met["turns"])
    return turns / (met["ended"] - met["started"]), (core_seconds(house, names) - before) / turns


def killed(house: Installation, names: list[str], plan: dict[str, Any]) -> list[Figure]:
    """Kill the last API under load; return what was lost."""
    before, known = stored(house)
    visitors = Visitors(house, names, **plan)
    time.sleep(plan["seconds"] / 2)
    house.kill(names[-1])
    met = visitors.heard()
    messages, turns = stored(house)
    accepted = {turn[4] for turn in met["turns"]}
    lost, doubled = len(accepted - turns), (messages - before) + len(turns - known) - 2 * len(met["turns"])
    note = f"{len(met['turns'])} messages, {met['cut_off']} posts cut off and posted again"
    return [
        Figure("one of three killed under load: messages lost", lost, "at most", 0, note=note),
        Figure("  stored or answered twice", doubled, "at most", 0),
    ]


def measure(quick: bool) -> list[Figure]:
    """Return the figures."""
    seconds, rounds = (4.0, 1) if quick else (8.0, 3)
    texts = [row["text"] for row in demo.read("gate.jsonl")]
    plan = {"texts": texts, "clients": VISITORS, "length": 3, "seconds": seconds}
    names, cores, apart = ["api0", "api1", "api2"], sorted(os.sched_getaffinity(0)), enter()
    with installed(postgres=True, apart=apart, FROSTDESK_TORCH_THREADS="1", FROSTDESK_THREADS="8") as house:
        for number, name in enumerate(names):
            house.start_api(name)
            core = cores[number % len(cores)]
            for task in Path(f"/proc/{house.pid(name)}/task").iterdir():
                os.sched_setaffinity(int(task.name), {core})
        for queue in ("events", "training"):
            house.start(queue, "worker", "--queue", queue)
        rate(house, names, {**plan, "seconds": 2.0})
        found = [[rate(house, names[:count], plan) for count in (1, 2, 3)] for _ in range(rounds)]
        lost = killed(house, names, plan)
    one, two, three = (statistics.median(row[count][0] for row in found) for count in range(3))
    costs = [[row[count][1] for row in found] for count in range(3)]
    goal = NEARLY if len(cores) > 1 else None
    where = "in namespaces of their own" if apart else "namespaces refused"
    note = f"{two:.1f} against {one:.1f} turns a second, {len(cores)} cores for everything, {where}"
    return [
        Figure("two API processes / one", two / one, "at least", goal, note=note),
        Figure(
            "  three / two", three / two, "at least", note=f"{three:.1f} turns a second; the third has no core left"
        ),
        paired("  an API's core seconds a turn: two / one", costs[1], costs[0], "at most", COSTLIER),
        paired("  three / one", costs[2], costs[0], "at most", None),
        *lost,
    ]


if __name__ == "__main__":
    show(__doc__, measure)
