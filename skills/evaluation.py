"""Metrics over scores and verdicts; all pure, all on numpy arrays."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
BINS = 15


def auroc(positive: Flags, score: Numbers) -> float | None:
    """Area under the ROC curve, or None where one side is empty."""
    if not positive.any() or positive.all():
        return None
    return float(roc_auc_score(positive, score))


def macro_f1(truth: Sequence[str], said: Sequence[str]) -> float:
    """Unweighted mean of the F1 of every label that occurs in the truth."""
    return float(f1_score(truth, said, labels=sorted(set(truth)), average="macro", zero_division=0))


def expected_calibration_error(confidence: Numbers, correct: Flags, bins: int = BINS) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017, section 2)."""
    place = np.clip((confidence * bins).astype(int), 0, bins - 1)
    gap = 0.0
    for number in range(bins):
        inside = place == number
        if inside.any():
            gap += inside.mean() * abs(float(confidence[inside].mean()) - float(correct[inside].mean()))
    return float(gap)


def ranks(scores: Numbers, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the 1-based rank of the wanted column of each row of `[N, C]` (ties count against)."""
    own = scores[np.arange(len(scores)), wanted][:, None]
    return np.asarray((scores >= own).sum(1))


def recall_at(rank: NDArray[np.int64], depth: int) -> float:
    """Share of rows whose wanted column is among the first `depth`."""
    return float((rank <= depth).mean())


def mean_reciprocal_rank(rank: NDArray[np.int64]) -> float:
    """Mean of 1 / rank."""
    return float((1.0 / rank).mean())
