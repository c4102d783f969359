"""The four arms of one measurement: skill, prompt, no_prefix, probe; same data, same seed, same metrics.

skill      as served: prompt and frozen embedding fused
prompt     prefix and head alone
no_prefix  the same recipe and head with P = 0
probe      logistic regression on the frozen embedding, of the examples alone (for search: its cosine)

A gain is a prompt's only where `prompt` beats `no_prefix`.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from skills import evaluation
from skills.backbone import Backbone, Row
from skills.calibration import Calibration, ExclusiveCalibration, Floats, LabelCalibration, log_softmax
from skills.held_out import calibrate
from skills.index import build_index
from skills.reading import acceptance_score, exclusive_confidence
from skills.recipe import Recipe
from skills.skill import Axis, Example, Skill, render
from skills.targets import encode
from skills.training import OnStep
from skills.tuning import Tuned, tune

ARMS = ("skill", "prompt", "no_prefix", "probe")
POLAR = {"positive", "negative"}


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm ready to be scored: opinions on the test rows `[N, C]`, and how they are read."""

    prompt: Floats
    bare: Floats
    calibration: Calibration
    held_out: Any
    seconds: float


def draw_shots(examples: Sequence[Example], axis: str, shots: int, seed: int) -> list[Example]:
    """Return `shots` rows of each label, drawn by `random.Random(seed)`; out-of-scope rows are kept."""
    chooser = random.Random(seed)  # noqa: S311 - a draw others can repeat
    by_label: dict[str, list[Example]] = {}
    for example in examples:
        label = example.target[axis]
        if label is not None:
            by_label.setdefault(str(label), []).append(example)
    drawn = [
        row for label in sorted(by_label) for row in chooser.sample(by_label[label], min(shots, len(by_label[label])))
    ]
    return drawn + [example for example in examples if example.target[axis] is None]


def label_arms(
    backbone: Backbone,
    skill: Skill,
    train: Sequence[Example],
    test: Sequence[Example],
    seed: int,
    on_step: OnStep | None = None,
) -> dict[str, dict[str, float | None]]:
    """Tune with the default recipe and score every arm of a label skill on the test rows."""
    axis = skill.axes[0]
    score = _score_exclusive if axis.exclusive else _score_labels
    arms = tune_arms(backbone, skill, train, test, seed, on_step)
    return {name: score(axis, arm, test) for name, arm in arms.items()}


def search_arms(
    backbone: Backbone,
    skill: Skill,
    train: Sequence[Example],
    test: Sequence[Example],
    seed: int,
    on_step: OnStep | None = None,
) -> dict[str, dict[str, float | None]]:
    """Tune with the default recipe and score every arm of a retrieval skill on the test queries."""
    arms = tune_arms(backbone, skill, train, test, seed, on_step)
    return {name: _score_search(skill.axes[0], arm, test) for name, arm in arms.items()}


def tune_arms(
    backbone: Backbone,
    skill: Skill,
    train: Sequence[Example],
    test: Sequence[Example],
    seed: int,
    on_step: OnStep | None = None,
) -> dict[str, Arm]:
    """Tune every arm with the default recipe; return them with their opinions on the test rows."""
    recipe = Recipe.for_rows(len(train))
    plain = replace(recipe, prompt_tokens=0, epochs=0, label_names=0)

    def tuned(recipe: Recipe) -> tuple[Tuned, tuple[Floats, Floats], float]:
        start = time.perf_counter()
        found = tune(backbone, skill, train, recipe, seed, on_step)
        seconds = time.perf_counter() - start
        return found, _read(backbone, skill, found, test), seconds

    full, without, probe = tuned(recipe), tuned(replace(recipe, prompt_tokens=0)), tuned(plain)
    return {
        "skill": _arm(skill, *full, (True, True)),
        "prompt": _arm(skill, *full, (True, False)),
        "no_prefix": _arm(skill, *without, (True, False)),
        "probe": _arm(skill, *probe, (False, True)),
    }


def _arm(skill: Skill, tuned: Tuned, scores: tuple[Floats, Floats], seconds: float, arms: tuple[bool, bool]) -> Arm:
    held = tuned.held_out
    return Arm(*scores, calibrate(skill, held, arms), held, seconds)


def _read(backbone: Backbone, skill: Skill, tuned: Tuned, test: Sequence[Example]) -> tuple[Floats, Floats]:
    prompt = tuned.prompt
    tokens = backbone.tokenize([render(example.text) for example in test], prompt.length)
    bare = backbone.forward([Row(row) for row in tokens])
    prompted = backbone.forward([Row(row, prompt.prefix) for row in tokens]) if prompt.length else bare
    index = None if skill.passages is None else prompt.indexed(build_index(backbone, skill.passages))
    scores = prompt.scores(prompted, bare, index)
    return scores[0].double().numpy(), scores[1].double().numpy()


def _score_exclusive(axis: Axis, arm: Arm, test: Sequence[Example]) -> dict[str, float | None]:
    lines = arm.calibration[axis.name]
    assert isinstance(lines, ExclusiveCalibration)
    coded = encode(axis, test)
    inside = coded >= 0
    fused = lines.fused(arm.prompt, arm.bare)
    best = fused.argmax(1)
    confidence, _ = exclusive_confidence(axis, lines, arm.prompt, arm.bare)
    truth = [axis.labels[code] for code in coded[inside]]
    said = [axis.labels[code] for code in best[inside]]
    found: dict[str, float | None] = {
        "accuracy": float((best == coded)[inside].mean()),
        "macro_f1": evaluation.macro_f1(truth, said),
        **_polar(axis, lines, arm, fused, coded),
        **_scope(axis, lines, arm, inside),
        "ece": evaluation.expected_calibration_error(confidence[inside], (best == coded)[inside]),
        "train_seconds": round(arm.seconds, 2),
    }
    return found


def _polar(
    axis: Axis, lines: ExclusiveCalibration, arm: Arm, fused: Floats, coded: np.ndarray
) -> dict[str, float | None]:
    """AUROC and F1 of `positive`, at the line that is best on held-out training rows."""
    if set(axis.labels) != POLAR:
        return {"auroc": None, "f1": None}
    column = axis.labels.index("positive")
    held_fused = lines.fused(arm.held_out.prompt, arm.held_out.bare)
    held_truth = encode(axis, arm.held_out.examples) == column
    held_share = np.exp(log_softmax(held_fused))[:, column]
    steps = np.unique(np.quantile(held_share, np.linspace(0.01, 0.99, 199)))
    line = max(steps, key=lambda step: f1_score(held_truth, held_share >= step, zero_division=0))
    share, truth = np.exp(log_softmax(fused))[:, column], coded == column
    return {
        "auroc": evaluation.auroc(truth, share),
        "f1": float(f1_score(truth, share >= line, zero_division=0)),
    }


def _scope(axis: Axis, lines: ExclusiveCalibration, arm: Arm, inside: np.ndarray) -> dict[str, float | None]:
    score = acceptance_score(axis, lines, arm.prompt, arm.bare)
    accepted = score >= lines.threshold
    return {
        "oos_auroc": evaluation.auroc(inside, score),
        "oos_recall": float((~accepted)[~inside].mean()) if (~inside).any() else None,
        "in_scope_kept": float(accepted[inside].mean()),
    }


def _score_labels(axis: Axis, arm: Arm, test: Sequence[Example]) -> dict[str, float | None]:
    """Score labels that hold or not on their own: accuracy is the share of rows right in every label."""
    coded = encode(axis, test)
    shares = np.column_stack(
        [_platt(arm.calibration[label])(arm.prompt[:, i], arm.bare[:, i]) for i, label in enumerate(axis.labels)]
    )
    said = np.column_stack([shares[:, i] >= _platt_line(arm.calibration[label]) for i, label in enumerate(axis.labels)])
    truth = coded == 1
    return {
        "accuracy": float((said == truth).all(1).mean()),
        "macro_f1": float(f1_score(truth, said, average="macro", zero_division=0)),
        "auroc": None,
        "f1": None,
        "oos_auroc": None,
        "oos_recall": None,
        "in_scope_kept": None,
        "ece": evaluation.expected_calibration_error(
            np.maximum(shares, 1 - shares).ravel(), ((shares >= 0.5) == truth).ravel()
        ),
        "train_seconds": round(arm.seconds, 2),
    }


def _platt(lines: ExclusiveCalibration | LabelCalibration) -> Any:  # noqa: ANN401
    assert isinstance(lines, LabelCalibration)
    return lines.platt


def _platt_line(lines: ExclusiveCalibration | LabelCalibration) -> float:
    assert isinstance(lines, LabelCalibration)
    return lines.threshold


def read_search(axis: Axis, arm: Arm, test: Sequence[Example]) -> tuple[np.ndarray, np.ndarray, Floats]:
    """Return the rank of each answerable query's article, which of the `[N]` queries are, and all acceptance scores."""
    lines = arm.calibration[axis.name]
    assert isinstance(lines, ExclusiveCalibration)
    coded = encode(axis, test)
    answerable = coded >= 0
    fused = lines.fused(arm.prompt, arm.bare)
    rank = evaluation.ranks(fused[answerable], coded[answerable])
    return rank, answerable, acceptance_score(axis, lines, arm.prompt, arm.bare)


def _score_search(axis: Axis, arm: Arm, test: Sequence[Example]) -> dict[str, float | None]:
    rank, answerable, score = read_search(axis, arm, test)
    return {
        "recall_at_1": evaluation.recall_at(rank, 1),
        "recall_at_3": evaluation.recall_at(rank, 3),
        "mrr": evaluation.mean_reciprocal_rank(rank),
        "abstain_auroc": evaluation.auroc(answerable, score),
        "train_seconds": round(arm.seconds, 2),
    }
