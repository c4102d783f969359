"""Seconds from a promotion to the first answer by the new version, in four API processes that visitors keep busy.

    python bench/promotion.py [--quick] [--json] [--sqlite]

Four API processes with data folders of their own share one PostgreSQL (or one SQLite file) and one queue server. The
router is promoted to a second version (a prompt that no process has on its disk the first time) and rolled back, in
turn, through one of them; every process's first answer by the version meant is timed from the moment the promotion was
asked for. A turn is mixed when one skill spoke in it with two versions, failed when it was refused or cut off.
"""

import argparse
import time
from typing import Any

from figures import Figure, told
from processes import Installation, Visitors, installed
from served import load_served
from sqlalchemy import select

from agent import demo
from agent.database import Database
from agent.demo_desk import shipped
from agent.tables import Artefact, Skill, Version
from skills.checkpoint import pack, unpack

APIS, VISITORS = 4, 8
GOAL_SECONDS = 2.0
SETTLED = 3.0


def add_version(house: Installation) -> None:
    """Give the router a second version: its prompt, a little changed."""
    backbone, (entry, content) = load_served(), shipped("router")
    prompt = unpack(content, entry["digest"], backbone)
    prompt.prefix.mul_(1.001)
    digest, changed = pack(prompt, backbone.dimensions)
    database = Database(house.url, pool=1)
    with database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "router")).one()
        session.add(Artefact(digest=digest, content=changed))
        session.add(Version(skill_id=skill.id, number=2, digest=digest, fingerprint=backbone.fingerprint))
    database.close()


def promoted(house: Installation, times: int) -> list[tuple[float, int]]:
    """Promote and roll back in turn while visitors write; return when each was asked for, and the version meant."""
    asked = []
    with house.client("api0") as client:
        for number in range(times):
            time.sleep(SETTLED)
            version = 2 - number % 2
            asked.append((time.monotonic(), version))
            body = {"version": version, "reason": "bench"}
            client.post("/v1/admin/skills/router/promote", json=body).raise_for_status()
    return asked


def delays(met: dict[str, Any], asked: list[tuple[float, int]], addresses: list[str]) -> list[float]:
    """Return the seconds until each process's first answer by the version meant, for every promotion."""
    found = []
    ends = [*(when for when, _ in asked[1:]), met["ended"]]
    for (when, version), end in zip(asked, ends, strict=True):
        for address in addresses:
            answers = [
                turn[0] - when
                for turn in met["turns"]
                if turn[2] == address and when < turn[0] <= end and turn[7].get("router") == version
            ]
            found.append(min(answers, default=float("inf")))
    return found


def measure(quick: bool, postgres: bool = True) -> list[Figure]:
    """Return the figures."""
    times = 2 if quick else 8
    names = [f"api{number}" for number in range(APIS)]
    texts = [row["text"] for row in demo.read("gate.jsonl")]
    with installed(postgres, FROSTDESK_TORCH_THREADS="1") as house:
        add_version(house)
        for name in names:
            house.start_api(name)
        seconds = (times + 1) * SETTLED + 2
        plan = {"texts": texts, "clients": VISITORS, "length": 3, "seconds": seconds, "pause": 0.2}
        visitors = Visitors(house, names, **plan)
        asked = promoted(house, times)
        met = visitors.heard()
        waits = sorted(delays(met, asked, list(house.addresses.values())))
    failed = sum(met["refused"].values()) + met["cut_off"]
    mixed = sum(turn[8] for turn in met["turns"])
    where, spread = "PostgreSQL" if postgres else "SQLite", (waits[0], waits[len(waits) * 9 // 10])
    note = f"{times} promotions, {APIS} processes, {where}; the longest of {len(waits)}"
    return [
        Figure("promotion to the first answer by it", waits[-1], "at most", GOAL_SECONDS, spread, " s", note),
        Figure("  failed turns", failed, "at most", 0, note=f"of {len(met['turns'])}"),
        Figure("  mixed turns", mixed, "at most", 0),
    ]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sqlite", action="store_true")
    given = parser.parse_args()
    figures = measure(given.quick, not given.sqlite)
    print(told(figures, given.json))


if __name__ == "__main__":
    main()
