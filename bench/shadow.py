"""What does a candidate in the shadow cost? Turns of the demo desk with and without one, in pairs, in one run.

    python bench/shadow.py [MESSAGES]

Each message is taken through the whole turn (database, one mixed forward, record) on a desk without a trial, and on
the same desk with a candidate of one skill in the shadow: one more row of the batch, and what it would have said.
"""

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from agent import demo
from agent.conversations import Said
from agent.database import Database
from agent.demo_desk import load_demo
from agent.desks import TrialView
from agent.office import Office, close_office, open_office
from agent.schema_revision import migrate
from agent.settings import Settings
from agent.turn import take_turn

MESSAGES, WARM_UP = 200, 10


def timed(office: Office, desk_id: str, text: str) -> float:
    """Take one message of a new conversation through its turn; return milliseconds."""
    start = time.perf_counter()
    take_turn(office, desk_id, Said(text, "chat"))
    return (time.perf_counter() - start) * 1000


def main(count: int) -> None:
    """Print the median ratio for a shadow of each skill."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), redis_url="redis://127.0.0.1:1/0")
        migrate(settings.database)
        database = Database(settings.database, pool=1)
        with database.writing() as session:
            desk_id = load_demo(session).id
        database.close()
        office = open_office(settings, shared=True)
        plain = office.releases.live.snapshot(desk_id)
        texts = [row["text"] for row in demo.read("gate.jsonl")][: count + WARM_UP]
        for skill in plain.skills:
            trial = TrialView("trial", "shadow", 0.0, replace(skill, version_id="candidate"), 0.0)
            desks = (plain, replace(plain, trials=(trial,)))
            pairs = []
            for number, text in enumerate(texts):
                taken = {}
                for side in (0, 1) if number % 2 else (1, 0):
                    office.releases.live.swap(desk_id, desks[side])
                    taken[side] = timed(office, desk_id, text)
                pairs.append((taken[0], taken[1]))
            without, shadowed = (statistics.median(times) for times in zip(*pairs[WARM_UP:], strict=True))
            ratio = statistics.median(after / before for before, after in pairs[WARM_UP:])
            print(f"{skill.name:<15} {without:5.1f} ms alone  {shadowed:5.1f} ms with a shadow  ratio {ratio:.2f}")
        close_office(office)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES)
