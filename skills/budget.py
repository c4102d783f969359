"""The error budget: how sure an automatic answer must be, so that at most a given share of them is wrong.

Learn-then-test with a fixed sequence (Angelopoulos et al. 2021, "Learn then Test", sections 1.1 and 3.1): the
lines of `GRID` are tested downwards, each by the exact binomial upper bound of the share wrong among the answers
it lets through (Clopper and Pearson 1934), and the first that fails ends the sequence. The lowest line that
passed keeps the budget with probability 1 - DELTA over the draw of the calibration rows, if they had no part in
the confidences. They had: a few rows cannot be halved. So DELTA is stricter than the one draw in twenty that is
promised; measured, that is kept (docs/decisions/0008, "An error budget"). The sequence starts where calibration
puts an answer's chance of an error at half the budget: from stricter lines, which let few rows through, one
unlucky row would end it. A line with too few answers to pass even without an error is stepped over.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

GRID: tuple[float, ...] = tuple(round(float(1 / (1 + np.exp(-odds))), 4) for odds in np.linspace(6.0, -3.0, 91))
"""Confidences at which answers may be cut off, the strictest first; fixed before any row is seen."""
DELTA = 0.02


@dataclass(frozen=True, slots=True)
class Risk:
    """What calibration rows say at every line of `GRID`: how many it lets through, and how many of them are wrong.

    `rows` counts all calibration rows; they were judged by humans and the prompt never learnt from them.
    """

    rows: int
    answered: tuple[int, ...]
    wrong: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Guarantee:
    """A line that keeps a budget, and what it costs.

    `guaranteed`: the bound holds, for traffic exchangeable with these `rows` rows. Otherwise the line is
    provisional: where calibration itself puts the chance of an error at the budget. `coverage` is the share of
    rows answered, `error` the share of answers that were wrong, `bound` its upper 98 % bound (None: no answer).
    """

    threshold: float
    guaranteed: bool
    rows: int
    answered: int
    coverage: float | None
    error: float | None
    bound: float | None


UNMEASURED = Risk(0, (), ())
"""No calibration row has been read yet."""


def count_risk(confidence: NDArray[np.float64], accepted: NDArray[np.bool_], right: NDArray[np.bool_]) -> Risk:
    """Count, for rows `[N]` nobody learnt from, the answers and the errors at every line of the grid."""
    through = [accepted & (confidence >= line) for line in GRID]
    answered = tuple(int(rows.sum()) for rows in through)
    return Risk(len(right), answered, tuple(int((rows & ~right).sum()) for rows in through))


def keep_budget(risk: Risk, budget: float) -> Guarantee:
    """Return the lowest line that keeps `budget` (a share of answers, between 0 and 1), or a provisional one."""
    passed, fewest = None, fewest_answers(budget)
    for place, (answered, wrong) in enumerate(zip(risk.answered, risk.wrong, strict=True)):
        if GRID[place] > 1 - budget / 2 or answered < fewest:
            continue
        if upper_bound(answered, wrong) > budget:
            break
        passed = place
    if passed is not None:
        return _at(risk, passed, GRID[passed], guaranteed=True)
    place = max((place for place, line in enumerate(GRID) if line >= 1 - budget), default=0)
    return _at(risk, place, 1 - budget, guaranteed=False)


@lru_cache(maxsize=4096)
def upper_bound(answered: int, wrong: int, delta: float = DELTA) -> float:
    """Return the one-sided 1 - `delta` Clopper-Pearson upper bound of an error rate."""
    return 1.0 if wrong >= answered else float(beta.ppf(1 - delta, wrong + 1, answered - wrong))


def fewest_answers(budget: float) -> int:
    """Return how many answers without an error show that a budget is kept (77 for 5 %)."""
    return int(np.ceil(np.log(DELTA) / np.log1p(-budget)))


def _at(risk: Risk, place: int, threshold: float, *, guaranteed: bool) -> Guarantee:
    counts = list(zip(risk.answered, risk.wrong, strict=True))
    answered, wrong = counts[place] if counts else (0, 0)
    return Guarantee(
        threshold=threshold,
        guaranteed=guaranteed,
        rows=risk.rows,
        answered=answered,
        coverage=answered / risk.rows if risk.rows else None,
        error=wrong / answered if answered else None,
        bound=upper_bound(answered, wrong) if answered else None,
    )
