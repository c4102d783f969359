"""Is an error budget of 5 % kept? Many random cuts of public data, each tuned, calibrated and tested anew."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from intents import judged, router
from prepare import read

from skills.arms import draw_shots
from skills.backbone import Backbone
from skills.budget import keep_budget
from skills.calibration import ExclusiveCalibration
from skills.scorecard import judge
from skills.skill import Example, Skill
from skills.tuning import tune

BUDGET, CUTS, CALIBRATION, TEST = 0.05, 50, 1000, 2000
SETS = {"banking77": ("train.jsonl.gz", 10), "clinc150": ("full_train.jsonl.gz", 5)}
"""A set's file, and how many rows an intent are learnt: about 750 in both."""
Scores = dict[str, dict[str, float | None]]


def budget_cuts(name: str, cuts: int = CUTS) -> Callable[[Backbone, Path, int], Scores]:
    """Return a run of `cuts` random cuts: about 750 train rows, 1,000 calibration rows, 2,000 test rows.

    A violation is a guaranteed line that lets more than 5 % wrong answers through on the test rows.
    """

    def run(backbone: Backbone, data: Path, seed: int) -> Scores:
        file, shots = SETS[name]
        rows = read(data / name / file)
        skill, examples = router(rows), judged(rows)
        found = [_cut(backbone, skill, examples, shots, seed * cuts + number) for number in range(cuts)]
        return {"skill": _summary(found)}

    return run


def _cut(backbone: Backbone, skill: Skill, examples: list[Example], shots: int, seed: int) -> dict[str, float]:
    """Tune one cut; return its line's coverage and error on the test rows."""
    mixed = random.Random(seed).sample(examples, len(examples))
    outside = [e for e in mixed if e.target["intent"] is None]
    taught = draw_shots([e for e in mixed if e.target["intent"] is not None], "intent", shots, seed)
    taught += outside[::2]
    used = {e.id for e in taught}
    rest = [e for e in mixed if e.id not in used]
    calibrating = [Example(e.text, e.target, "calibration") for e in rest[:CALIBRATION]]
    prompt = tune(backbone, skill, [*taught, *calibrating], seed=seed).prompt
    lines = prompt.calibration["intent"]
    assert isinstance(lines, ExclusiveCalibration)
    kept, test = keep_budget(lines.risk, BUDGET), rest[CALIBRATION : CALIBRATION + TEST]
    verdicts = [(j.verdicts[0], j.example.target["intent"]) for j in judge(backbone, prompt, test)]
    answers = [v.label == truth for v, truth in verdicts if v.accepted and v.confidence >= kept.threshold]
    return {
        "guaranteed": float(kept.guaranteed),
        "coverage": len(answers) / len(test),
        "error": 1 - sum(answers) / max(1, len(answers)),
    }


def _summary(found: list[dict[str, float]]) -> dict[str, Any]:
    figures = {key: np.array([cut[key] for cut in found]) for key in found[0]}
    return {
        "violations": float((figures["guaranteed"] * (figures["error"] > BUDGET)).mean()),
        **{key: float(values.mean()) for key, values in figures.items()},
        "coverage_deviation": float(figures["coverage"].std()),
        "largest_error": float(figures["error"].max()),
        "cuts": float(len(found)),
    }
