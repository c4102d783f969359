"""Retraining a skill from 1,000 examples, against full fine-tuning of the same backbone and against setfit.

    python bench/training.py [--data FOLDER] [--quick] [--json]

Each arm runs in a process of its own, in a training worker's environment, so that its peak memory is its own:
`--arm ours|full|setfit` runs one and prints JSON. With BANKING77 in the data folder: 13 examples an intent of its train
file, held out is the fifth of that file cut off before (a development side: the test file is not read). Without it, the
demo desk's router.
"""

import argparse
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from figures import Bound, Figure, told
from training_arms import ARMS, QUICK_SHOTS, Asked, cut

from agent import demo
from skills import FEW_PROGRAMS

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data"
THREADS = min(2, os.cpu_count() or 1)
SECONDS = 60.0
LONGEST = 3600
Found = dict[str, Any]


def run(arm: str, quick: bool, data: Path, goal: float = 1.0) -> Found:
    """Run an arm in a fresh process; return what it measured."""
    call = [sys.executable, str(Path(__file__)), "--arm", arm, "--data", str(data), "--goal", str(goal)]
    env = {
        **FEW_PROGRAMS,
        **os.environ,
        "OMP_NUM_THREADS": str(THREADS),
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    done = subprocess.run(
        [*call, *(["--quick"] if quick else [])],
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=LONGEST,
    )
    return json.loads(done.stdout.splitlines()[-1])


def measure(quick: bool, data: Path = DATA) -> list[Figure]:
    """Return the figures. A quick run learns from few examples of the demo desk: its times have no goal."""
    own = run("ours", quick, data)
    full = run("full", quick, data, own["accuracy"])
    found = [_time(own, full, quick), *_memory(own, full), *_stored(own, full), _seconds(own, quick)]
    if find_spec("setfit"):
        found.append(_setfit(own, run("setfit", quick, data), quick))
    return found


def _time(own: Found, full: Found, quick: bool) -> Figure:
    reached = "" if full["reached"] else f"; it never reached {own['accuracy']:.3f}: time to its best"
    note = (
        f"{own['seconds']:.1f} s to {own['accuracy']:.3f} against {full['seconds']:.1f} s to {full['accuracy']:.3f}, "
        f"epoch {full['epochs']} of {full['of_epochs']}{reached}; "
        f"of all cores {own['cores']:.0f} s and {full['cores']:.0f} s"
    )
    return _ratio("time, against full fine-tuning", own["seconds"], full["seconds"], None if quick else 1.0, note)


def _memory(own: Found, full: Found) -> list[Figure]:
    return [
        _ratio(what, own[key], full[key], goal, f"{own[key]:.0f} MiB against {full[key]:.0f} MiB")
        for what, key, goal in (
            ("peak memory above the process before training", "grown", 0.5),
            ("peak memory of the whole process", "peak", None),
        )
    ]


def _stored(own: Found, full: Found) -> list[Figure]:
    few = len(demo.FOLDER.joinpath("prompts", "sentiment.zip").read_bytes())
    note = f"{own['bytes']:,} against {full['bytes']:,} in float16 ({full['bytes_float32']:,} in float32)"
    return [
        _ratio("stored bytes", own["bytes"], full["bytes"], 0.01, note),
        _ratio(
            "stored bytes, 3 labels",
            few,
            full["bytes_few"],
            0.002,
            f"{few:,} (the demo desk's sentiment) against {full['bytes_few']:,} in float16",
        ),
    ]


def _seconds(own: Found, quick: bool) -> Figure:
    goal = None if quick else SECONDS
    note = f"{own['examples']} examples, {own['labels']} labels, {THREADS} threads, {own['dtype']}"
    return Figure("a retraining, choice of its recipe included", own["seconds"], "at most", goal, unit=" s", note=note)


def _setfit(own: Found, theirs: Found, quick: bool) -> Figure:
    note = (
        f"extrapolated: {theirs['steps']:,} steps of {theirs['step_seconds'] * 1000:.0f} ms "
        f"({theirs['measured_steps']} measured), {theirs['seconds'] / 3600:.2f} h; its head's fit left out"
    )
    goal = None if quick else 10.0
    return _ratio(
        "time of setfit with its defaults, against ours", theirs["seconds"], own["seconds"], goal, note, "at least"
    )


def _ratio(what: str, one: float, other: float, goal: float | None, note: str, bound: Bound = "at most") -> Figure:
    return Figure(what, one / other, bound, goal, note=note)


def main() -> None:
    """Print the figures, or one arm's measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the public sets")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SHOTS} examples an intent of the demo desk")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--arm", choices=list(ARMS), help="run one arm in this process")
    parser.add_argument("--goal", type=float, default=1.0, help="accuracy at which full fine-tuning stops")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(THREADS)
    if asked.arm:
        learnt = cut(asked.data, asked.quick)
        print(json.dumps(ARMS[asked.arm](Asked(learnt, asked.seed, asked.goal, asked.quick))))
        return
    figures = measure(asked.quick, asked.data)
    print(told(figures, asked.json))
    if not find_spec("setfit"):
        print("setfit is not installed: pip install setfit", file=sys.stderr)


if __name__ == "__main__":
    main()
