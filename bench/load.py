"""Turns a second at 64 visitors who write at once, against the rows a second of the bare backbone; then overload.

    python bench/load.py [--quick] [--json] [--postgres] [--length MESSAGES]

One API process with the demo desk (four skills) on all cores, and 64 visitors in another process who each write the
next message when the last is answered. The bare backbone, our own encoder and transformers', reads the same texts in
batches of 64, alternately in the same run, on all cores. What it could do is its rows a second divided by the rows a
turn needs; the figure is the share of it that arrives at visitors. Then 200 visitors at once: who is refused is told
when to come again.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from figures import Figure, paired, told
from forwards import bare_reader
from processes import Visitors, installed, resident
from served import load_served

from agent import demo
from skills.backbone import ROWS_AT_ONCE, Backbone, Row
from skills.peft_prefix import load_for_training
from skills.skill import render

CLIENTS, CROWD = 64, 200
GOAL, LONGEST_SECONDS = 0.5, 1.0
Tokens = list[tuple[int, ...]]


def rows_a_second(backbone: Backbone, read: Callable[[Tokens], object], texts: Sequence[str], seconds: float) -> float:
    """Return how many bare rows a second are read, in batches of 64 on all cores."""
    drawn, done, start = random.Random(0), 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        read(backbone.tokenize([render(text) for text in drawn.choices(texts, k=ROWS_AT_ONCE)]))
        done += ROWS_AT_ONCE
    return done / (time.perf_counter() - start)


def summed(met: dict[str, Any]) -> dict[str, float]:
    """Return turns a second, rows a turn and the spread of the milliseconds."""
    turns = met["turns"]
    late = sorted(turn[1] for turn in turns)
    return {
        "turns": len(turns) / (met["ended"] - met["started"]),
        "rows": statistics.mean(turn[6] for turn in turns),
        "p50": late[len(late) // 2],
        "p99": late[len(late) * 99 // 100],
    }


def measure(quick: bool, postgres: bool = False, length: int = 1) -> list[Figure]:
    """Return the figures; `length` is how many messages a conversation has."""
    seconds, rounds = (5.0, 1) if quick else (10.0, 3)
    texts = [row["text"] for row in demo.read("gate.jsonl")]
    backbone, did, refused, late = load_served(), [], 0, []
    encoder = load_for_training(backbone)
    readers: dict[str, Callable[[Tokens], object]] = {
        "the backbone": lambda rows: backbone.forward([Row(tokens) for tokens in rows]),
        "transformers": lambda rows: bare_reader(encoder, rows)(),
    }
    could: dict[str, list[float]] = {name: [] for name in readers}

    def look() -> list[float]:
        return [rows_a_second(backbone, read, texts, seconds / 6) for read in readers.values()]

    with installed(postgres) as house:
        house.start_api("api")
        plan = {"texts": texts, "clients": CLIENTS, "length": length}
        Visitors(house, ["api"], **plan, seconds=2.0).heard()
        look()
        for _ in range(rounds):
            before = look()
            met = Visitors(house, ["api"], **plan, seconds=seconds).heard()
            found = summed(met)
            did.append(found["turns"])
            for name, rows in zip(readers, zip(before, look(), strict=True), strict=True):
                could[name].append(statistics.mean(rows) / found["rows"])
            late.append((found["p50"], found["p99"]))
            refused += sum(met["refused"].values()) + met["cut_off"]
        p50, p99 = (statistics.median(column) for column in zip(*late, strict=True))
        where = "PostgreSQL" if postgres else "SQLite"
        note = f"{where}, {found['rows']:.1f} rows a turn, p50 {p50:.0f} ms"
        figures = [
            paired(
                f"turns a second at {CLIENTS} visitors / what the backbone could",
                did,
                could["the backbone"],
                "at least",
                GOAL,
            ),
            paired("  what transformers' backbone could", did, could["transformers"], "at least", None),
            Figure("  its 99th percentile", p99 / 1000, "at most", LONGEST_SECONDS, unit=" s", note=note),
            Figure("  refused or cut off", refused, "at most", unit=""),
        ]
        return figures + overload(house, {**plan, "clients": CROWD}, seconds)


def overload(house: Any, plan: dict[str, Any], seconds: float) -> list[Figure]:  # noqa: ANN401
    """Return what happens when many more write than fit in: how many refused, how fast the rest, how much memory."""
    before = resident(house.pid("api"))
    met = Visitors(house, ["api"], **plan, seconds=seconds).heard()
    after, found = resident(house.pid("api")), summed(met)
    refused = sum(met["refused"].values())
    statuses = ", ".join(f"{count} times {status}" for status, count in met["refused"].items()) or "nobody"
    odd = (
        met["without_retry_after"]
        + met["cut_off"]
        + sum(n for s, n in met["refused"].items() if s not in ("429", "503"))
    )
    return [
        Figure(f"{CROWD} visitors: share of posts refused", refused / (refused + len(met["turns"])), note=statuses),
        Figure(
            "  refused in another way than 429 or 503 with Retry-After",
            odd,
            "at most",
            note=f"{found['turns']:.0f} turns a second",
        ),
        Figure(
            "  memory of the process after / before",
            after / before,
            "at most",
            1.1,
            note=f"{after:.0f} against {before:.0f} MiB",
        ),
    ]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--length", type=int, default=1)
    given = parser.parse_args()
    figures = measure(given.quick, given.postgres, given.length)
    print(told(figures, given.json))


if __name__ == "__main__":
    main()
