"""Fitting calibration on rows the prompt did not learn from.

Platt 1999 for the logistic maps; thresholds are laid on the fitted curves.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from skills.calibration import ExclusiveCalibration, Floats, LabelCalibration, Logistic, log_softmax, top_odds

IN_SCOPE_KEPT = 0.95
"""Without a single out-of-scope row, the line is drawn where this share of known questions stays in."""
RECALL_FLOOR = 0.97
"""Least share of a must-catch label's calibration rows that its threshold lets through."""
MUST_CATCH_LINE = 0.1
"""Highest threshold of a must-catch label: missing one is taken to cost as much as nine false alarms (Elkan
2001, cost-sensitive learning, section 2). Few desks have the dozens of held-out requests that a quantile
needs (docs/decisions/0008)."""
EVEN_ODDS = 0.5
"""Where an exclusive axis is cut. `trust` makes it the line of most right minus wrong answers; `scope`,
fitted with both sides weighing the same, the line of best balanced accuracy. On the fitted curves it moves
far less from one training to the next than the best empirical cut does (docs/decisions/0004)."""
ENOUGH_REJECTS = 10
ENOUGH_OF_EACH = 2
_TINY = 1e-9


def fit_exclusive(
    prompt: Floats,
    bare: Floats,
    targets: NDArray[np.int64],
    arms: tuple[bool, bool] = (True, True),
) -> ExclusiveCalibration:
    """Fit one exclusive axis from scores `[N, C]` and targets `[N]` (-1: none of the labels).

    `arms` says which opinions may count (prompt, bare); the bench uses it to score each alone.
    """
    inside = targets >= 0
    weights = _mix(prompt[inside], bare[inside], targets[inside], arms)
    fused = weights[0] * prompt + weights[1] * bare
    odds, top = top_odds(fused)
    correct = fused.argmax(1) == targets
    trust = fit_logistic(odds, top, correct, fallback=Logistic(1.0, 0.0, 0.0))
    best_prompt = prompt.max(1) * arms[0]
    best_bare = bare.max(1) * arms[1]
    if (~inside).sum() >= ENOUGH_REJECTS and inside.any():
        scope = fit_logistic(best_prompt, best_bare, inside, balanced=True)
    else:
        scope = _quantile_scope(best_prompt[inside], best_bare[inside], arms)
    return ExclusiveCalibration(*weights, trust, scope, EVEN_ODDS, len(targets))


def fit_label(
    prompt: Floats,
    bare: Floats,
    holds: NDArray[np.bool_],
    must_catch: bool,
    arms: tuple[bool, bool] = (True, True),
) -> LabelCalibration:
    """Fit one label from its scores `[N]` and truth `[N]`; unknown rows are left out by the caller."""
    platt = fit_logistic(prompt * arms[0], bare * arms[1], holds)
    probability = platt(prompt * arms[0], bare * arms[1])
    threshold = _best_f1(probability, holds)
    if must_catch and holds.any():
        floor = float(np.quantile(probability[holds], 1 - RECALL_FLOOR, method="lower"))
        threshold = min(threshold, floor, MUST_CATCH_LINE)
    return LabelCalibration(platt, threshold, len(holds))


def fit_logistic(
    prompt: Floats,
    bare: Floats,
    truth: NDArray[np.bool_],
    balanced: bool = False,
    fallback: Logistic | None = None,
) -> Logistic:
    """Fit a two-feature logistic map; features are standardised for the fit, not for the result."""
    if min(truth.sum(), (~truth).sum()) < ENOUGH_OF_EACH:
        share = (truth.sum() + 1) / (len(truth) + 2)
        return fallback or Logistic(0.0, 0.0, float(np.log(share / (1 - share))))
    features = np.column_stack([prompt, bare])
    centre, spread = features.mean(0), features.std(0)
    spread = np.where(spread < _TINY, np.inf, spread)  # a silent feature gets weight zero
    model = LogisticRegression(C=10.0, class_weight="balanced" if balanced else None)
    model.fit((features - centre) / spread, truth)
    slopes = model.coef_[0] / spread
    return Logistic(float(slopes[0]), float(slopes[1]), float(model.intercept_[0] - slopes @ centre))


def _mix(prompt: Floats, bare: Floats, targets: NDArray[np.int64], arms: Sequence[bool]) -> tuple[float, float]:
    """Weights of the two opinions that minimise the log loss, kept near 1 by a small ridge in log space."""

    def loss(logs: Floats) -> float:
        a, b = np.exp(logs) * arms
        right = log_softmax(a * prompt + b * bare)[np.arange(len(targets)), targets]
        return float(-right.mean() + 0.001 * (logs**2).sum())

    if not len(targets):
        return float(arms[0]), float(arms[1])
    logs = minimize(loss, np.array([0.0, -1.0]), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6}).x
    a, b = np.exp(logs) * arms
    return float(a), float(b)


def _quantile_scope(prompt: Floats, bare: Floats, arms: Sequence[bool]) -> Logistic:
    """A scope map from known questions alone: 0.5 falls on their 5 % quantile."""
    score = prompt if arms[0] else bare
    if not len(score):
        return Logistic(0.0, 0.0, 10.0)
    line = float(np.quantile(score, 1 - IN_SCOPE_KEPT))
    slope = 1.0 / max(float(score.std()), _TINY)
    return Logistic(slope * arms[0], slope * (not arms[0]), -slope * line)


def _best_f1(probability: Floats, holds: NDArray[np.bool_]) -> float:
    lines = _between(probability)
    caught = np.array([(holds & (probability >= line)).sum() for line in lines])
    called = np.array([(probability >= line).sum() for line in lines])
    return float(lines[int((2 * caught / np.maximum(called + holds.sum(), 1)).argmax())])


def _between(values: Floats) -> Floats:
    """Candidate lines: midpoints of neighbouring values, at most 400 of them, and both ends."""
    ordered = np.unique(values)
    if len(ordered) > 400:
        ordered = np.quantile(ordered, np.linspace(0, 1, 400))
    middle = (ordered[1:] + ordered[:-1]) / 2
    return np.concatenate([[ordered[0] - _TINY], middle, [min(ordered[-1] + _TINY, 1.0)]])
