"""The skill table: every row's arms over seeds, from a folder of public data.

    python bench/skill_table.py [--data FOLDER] [--only ROW] [--seeds N] [--threads N] [--out FILE] [--fresh]

What was measured before with the same code and data is not measured again: results are kept in
bench/.results, by a digest of both. Interrupt it when you like; the next call goes on.
"""

import argparse
import hashlib
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from served import load_served
from skill_rows import ROWS, Row

from skills.backbone import Backbone

HERE = Path(__file__).parent
RESULTS = HERE / ".results"
CODE = (*sorted((HERE.parent / "skills").rglob("*.py")), *sorted(HERE.glob("*.py")))


def digest(name: str, row: Row, data: Path, backbone: Backbone, seed: int) -> str:
    """Return what identifies a measurement: row, seed, code, data, backbone and number format."""
    seen = hashlib.sha256(f"{name} {seed} {backbone.fingerprint} {backbone.dtype} {torch.__version__}".encode())
    files = [path for folder in row.folders for path in sorted((data / folder).rglob("*")) if path.is_file()]
    for path in (*CODE, *files):
        seen.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()[:16]


def measure(name: str, data: Path, backbone: Backbone, seed: int, fresh: bool) -> dict[str, Any]:
    """Return one seed's arms and seconds, from the kept results if they are there."""
    row = ROWS[name]
    kept = RESULTS / f"{name}-{seed}-{digest(name, row, data, backbone, seed)}.json"
    if kept.exists() and not fresh:
        return json.loads(kept.read_text(encoding="utf-8"))
    start = time.monotonic()
    found = {"seed": seed, "arms": row.run(backbone, data, seed), "seconds": round(time.monotonic() - start, 1)}
    RESULTS.mkdir(exist_ok=True)
    half = kept.with_suffix(f".{os.getpid()}")
    half.write_text(json.dumps(found, indent=1), encoding="utf-8")
    half.replace(kept)
    return found


def summarise(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return every arm's mean and deviation of every metric over the seeds, and print the ones of the row."""
    row, arms = ROWS[name], {}
    for arm in runs[0]["arms"]:
        figures = {}
        for metric, first in runs[0]["arms"][arm].items():
            values = [run["arms"][arm][metric] for run in runs]
            if first is not None:
                figures[metric] = {"mean": statistics.fmean(values), "deviation": statistics.pstdev(values)}
        arms[arm] = figures
    seconds = statistics.fmean(run["seconds"] for run in runs)
    print(f"{name}  seeds {[run['seed'] for run in runs]}  {seconds:.0f} s a seed  goal: {row.goal}")
    for metric in row.metrics:
        cells = [(arm, figures[metric]) for arm, figures in arms.items() if metric in figures]
        words = "  ".join(f"{arm} {figure['mean']:.4f} ±{figure['deviation']:.4f}" for arm, figure in cells)
        print(f"  {metric:<18}{words}", flush=True)
    return {"goal": row.goal, "seconds": seconds, "arms": arms, "runs": runs}


def main() -> None:
    """Measure the rows asked for, print them and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder of the sets")
    parser.add_argument("--only", action="append", choices=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 (3)")
    parser.add_argument("--out", type=Path, default=HERE / ".results" / "skills.json")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="of the machine (2)")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured before")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    backbone, table = load_served(), {}
    print(f"{backbone.dtype}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name in asked.only or [row for row in ROWS if row != "demo"]:
        row = ROWS[name]
        absent = [folder for folder in row.folders if not (asked.data / folder).is_dir()]
        if absent:
            print(f"{name}  skipped: {asked.data / absent[0]} is not there")
            continue
        seeds = range(asked.seeds if row.seeded else 1)
        table[name] = summarise(name, [measure(name, asked.data, backbone, seed, asked.fresh) for seed in seeds])
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(table, indent=1), encoding="utf-8")
    if not table:
        sys.exit("Nothing was measured: name the folder of the data with --data.")


if __name__ == "__main__":
    main()
