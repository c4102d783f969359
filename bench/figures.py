"""A figure of the speed table: a ratio measured in one run, its spread, the goal it is held to."""

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from served import load_served

Bound = Literal["at most", "at least"]
GROSS = 2.0
"""A ratio this many times worse than its goal is a regression, not noise."""
FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value: a ratio unless `unit` says otherwise.

    `spread` is the 10th and 90th percentile of the pairs (or the least and greatest repetition). `goal` None: what
    is printed has no goal on this machine, and `note` says why or what both sides were.
    """

    what: str
    value: float
    bound: Bound = "at most"
    goal: float | None = None
    spread: tuple[float, float] | None = None
    unit: str = ""
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is met; True without one."""
        return self.goal is None or (self.value <= self.goal if self.bound == "at most" else self.value >= self.goal)

    @property
    def gross(self) -> bool:
        """Whether a ratio is so far from its goal that something broke."""
        if self.goal is None or self.unit:
            return False
        return self.value > self.goal * GROSS if self.bound == "at most" else self.value < self.goal / GROSS

    def line(self) -> str:
        """Return the figure as a line of the table."""
        spread = f"[{self.spread[0]:.3g} to {self.spread[1]:.3g}]" if self.spread else ""
        held = "met" if self.met else "NOT met"
        goal = "" if self.goal is None else f"{self.bound} {self.goal:g}{self.unit}  {held}"
        value = f"{self.value:.4g}{self.unit}"
        return f"  {self.what:<58} {value:>9} {spread:<18} {goal:<22} {self.note}".rstrip()


def paired(what: str, ours: Sequence[float], theirs: Sequence[float], bound: Bound, goal: float | None) -> Figure:
    """Return the median of ours / theirs over pairs measured one straight after the other (any unit)."""
    ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    low, high = ratios[len(ratios) // 10], ratios[len(ratios) * 9 // 10]
    both = f"{statistics.median(ours):.3g} against {statistics.median(theirs):.3g}"
    return Figure(what, statistics.median(ratios), bound, goal, (low, high), note=both)


def machine() -> dict[str, str | int | list[str]]:
    """Return what a reader needs to know of the machine, and of what it reads with, to repeat a figure."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    flags = set(info.partition("flags\t")[2].partition("\n")[0].split())
    backbone = load_served()
    return {
        "processor": info.partition("model name\t: ")[2].partition("\n")[0] or platform.processor(),
        "features": [name for name in FEATURES if name in flags],
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "dtype": str(backbone.dtype).removeprefix("torch."),
        "device": torch.cuda.get_device_name() if backbone.device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def machine_line() -> str:
    """Return the machine as a line above a table."""
    return "  ".join(f"{name} {value}" for name, value in machine().items())


def told(figures: Sequence[Figure], as_json: bool) -> str:
    """Return the machine and the figures as a table, or as JSON for other programs."""
    if as_json:
        return json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}, indent=1)
    return "\n".join([machine_line(), *(figure.line() for figure in figures)])


def show(about: str | None, measure: Callable[..., Sequence[Figure]], data: bool = False) -> None:
    """Run one bench from the command line and print its figures. `data`: it may read a folder of public data."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--json", action="store_true", help="machine and figures as JSON")
    if data:
        parser.add_argument("--data", type=Path, help="folder of the sets (bench/prepare.py lists them)")
    asked = parser.parse_args()
    figures = measure(asked.quick, asked.data) if data else measure(asked.quick)
    print(told(figures, asked.json))
