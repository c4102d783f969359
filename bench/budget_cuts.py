"""Is an error budget of 5 % kept? Many random cuts of public data, each tuned, calibrated and tested anew."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from intents import judged, router
from prepare import read

from skills.arms import draw_shots
from skills.backbone import Backbone, Row
from skills.budget import keep_budget
from skills.calibration import ExclusiveCalibration
from skills.held_out import HeldOut, calibrate, measure_risk
from skills.prompt import SoftPrompt
from skills.reading import exclusive_confidence
from skills.skill import Example, Skill, render
from skills.targets import encode
from skills.tuning import tune

BUDGET, CUTS, CALIBRATION, TEST = 0.05, 50, 1000, 2000
REDRAWS, POOL = 20, 6000
"""How often a cut's calibration and test rows are drawn again for its prompt, and from how many rows."""
SETS = {"banking77": ("train.jsonl.gz", 10), "clinc150": ("full_train.jsonl.gz", 5)}
"""A set's file, and how many rows an intent are learnt: about 750 in both."""
Scores = dict[str, dict[str, float | None]]


def budget_cuts(name: str, cuts: int = CUTS) -> Callable[[Backbone, Path, int], Scores]:
    """Return a run of `cuts` random cuts: about 750 train rows, 1,000 calibration rows, 2,000 test rows.

    A violation is a guaranteed line that lets more than 5 % wrong answers through on the test rows. Fifty cuts
    cannot tell 3 % from 6 %; so each cut's prompt also meets other calibration and test rows (`redrawn`).
    """

    def run(backbone: Backbone, data: Path, seed: int) -> Scores:
        file, shots = SETS[name]
        rows = read(data / name / file)
        skill, examples = router(rows), judged(rows)
        found = [_cut(backbone, skill, examples, shots, seed * cuts + number) for number in range(cuts)]
        return {"skill": _summary([draws[0] for draws in found], [draw for draws in found for draw in draws[1:]])}

    return run


def _cut(backbone: Backbone, skill: Skill, examples: list[Example], shots: int, seed: int) -> list[dict[str, float]]:
    """Tune one cut; return what its line does on the test rows, first as cut, then as drawn again."""
    mixed = random.Random(seed).sample(examples, len(examples))
    outside = [e for e in mixed if e.target["intent"] is None]
    taught = draw_shots([e for e in mixed if e.target["intent"] is not None], "intent", shots, seed)
    taught += outside[::2]
    used = {e.id for e in taught}
    rest = [e for e in mixed if e.id not in used][:POOL]
    calibrating = [Example(e.text, e.target, "calibration") for e in rest[:CALIBRATION]]
    prompt = tune(backbone, skill, [*taught, *calibrating], seed=seed).prompt
    held, random_order = _score(backbone, prompt, rest), np.random.default_rng(seed)
    orders = [np.arange(len(rest)), *(random_order.permutation(len(rest)) for _ in range(REDRAWS))]
    return [_draw(skill, _take(held, o[:CALIBRATION]), _take(held, o[CALIBRATION:][:TEST])) for o in orders]


def _score(backbone: Backbone, prompt: SoftPrompt, rows: Sequence[Example]) -> HeldOut:
    tokens = backbone.tokenize([render(row.text) for row in rows], prompt.length)
    prompted = backbone.forward([Row(row, prompt.prefix, prompt.positions) for row in tokens])
    scores = prompt.scores(prompted, backbone.forward([Row(row) for row in tokens]))
    return HeldOut(scores[0].double().numpy(), scores[1].double().numpy(), tuple(rows))


def _take(held: HeldOut, places: np.ndarray) -> HeldOut:
    return HeldOut(held.prompt[places], held.bare[places], tuple(held.examples[place] for place in places))


def _draw(skill: Skill, fresh: HeldOut, test: HeldOut) -> dict[str, float]:
    """Calibrate on some rows as `tune` does; return the line's coverage and error on others."""
    axis, lines = skill.axes[0], measure_risk(skill, calibrate(skill, fresh), fresh)["intent"]
    assert isinstance(lines, ExclusiveCalibration)
    kept = keep_budget(lines.risk, BUDGET)
    confidence, accepted = exclusive_confidence(axis, lines, test.prompt, test.bare)
    right = lines.fused(test.prompt, test.bare).argmax(1) == encode(axis, test.examples)
    answers = right[accepted & (confidence >= kept.threshold)]
    return {
        "guaranteed": float(kept.guaranteed),
        "coverage": len(answers) / len(right),
        "error": 1 - float(answers.sum()) / max(1, len(answers)),
    }


def _summary(cuts: list[dict[str, float]], redrawn: list[dict[str, float]]) -> dict[str, Any]:
    figures = {key: np.array([cut[key] for cut in cuts]) for key in cuts[0]}
    return {
        "violations": _violations(cuts),
        "redrawn": _violations(redrawn),
        **{key: float(values.mean()) for key, values in figures.items()},
        "coverage_deviation": float(figures["coverage"].std()),
        "largest_error": float(figures["error"].max()),
        "cuts": float(len(cuts)),
        "redraws": float(len(redrawn)),
    }


def _violations(draws: list[dict[str, float]]) -> float:
    return sum(draw["guaranteed"] > 0 and draw["error"] > BUDGET for draw in draws) / len(draws)
