"""The speed table: every comparison of docs/scale.md and the README in one run.

    python bench/speed_table.py [--quick] [--only ROW] [--data FOLDER] [--out FILE]

Each row is a bench of its own, in a process of its own; `python bench/ROW.py` repeats it alone. The end is 1 when a
ratio is less than half as good as its goal: something broke. Missed goals and slow machines do not end it.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from figures import Figure, machine, machine_line

HERE = Path(__file__).parent
ROWS = (
    "forwards",
    "separate",
    "turn",
    "webhook",
    "cold_start",
    "search",
    "memory",
    "load",
    "promotion",
    "replicas",
    "training",
)
QUICK = ("forwards", "separate", "turn", "webhook", "search")
"""Rows that say something within seconds; the others need minutes, or many processes."""
READ_DATA = ("search", "training")


def measured(row: str, quick: bool, data: Path | None) -> list[Figure]:
    """Return a bench's figures, from a process of its own."""
    command = [sys.executable, str(HERE / f"{row}.py"), "--json", *(["--quick"] if quick else [])]
    if data is not None and row in READ_DATA:
        command += ["--data", str(data)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if ended.returncode:
        raise SystemExit(f"{row} broke off; run python bench/{row}.py alone.")
    return [
        Figure(**{**figure, "spread": figure["spread"] and tuple(figure["spread"])}) for figure in _read(ended.stdout)
    ]


def _read(printed: bytes) -> list[dict[str, Any]]:
    figures: list[dict[str, Any]] = json.loads(printed)["figures"]
    return figures


def main() -> None:
    """Measure the rows asked for, print them and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"a few repetitions of {', '.join(QUICK)}")
    parser.add_argument("--only", action="append", choices=ROWS, metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--data", type=Path, help="folder of public data, for real articles in the search row")
    parser.add_argument("--out", type=Path, default=HERE / ".results" / "speed.json")
    asked = parser.parse_args()
    print(machine_line(), flush=True)
    table: dict[str, list[Figure]] = {}
    for row in asked.only or (QUICK if asked.quick else ROWS):
        started = time.monotonic()
        table[row] = measured(row, asked.quick, asked.data)
        print(f"{row}  {time.monotonic() - started:.0f} s")
        for figure in table[row]:
            print(figure.line(), flush=True)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    written = {
        row: [{name: getattr(figure, name) for name in figure.__slots__} for figure in found]
        for row, found in table.items()
    }
    asked.out.write_text(json.dumps({"machine": machine(), "rows": written}, indent=1), encoding="utf-8")
    broken = [figure.what.strip() for found in table.values() for figure in found if figure.gross]
    if broken:
        sys.exit(f"Less than half as good as the goal: {'; '.join(broken)}")


if __name__ == "__main__":
    main()
