"""How raw scores become honest confidences: the maps a prompt carries, and how they are read.

A skill has two opinions of a text: the tuned prompt's scores and the frozen embedding's (`bare`).
`skills.fitting` decides how much each counts and what a score is worth as a probability.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skills.budget import UNMEASURED, Risk

Floats = NDArray[np.float64]
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Logistic:
    """`sigmoid(prompt * a + bare * b + intercept)` over two features."""

    prompt: float
    bare: float
    intercept: float

    def __call__(self, prompt: Floats, bare: Floats) -> Floats:
        """Return probabilities, one per row."""
        return sigmoid(self.prompt * prompt + self.bare * bare + self.intercept)


@dataclass(frozen=True, slots=True)
class ExclusiveCalibration:
    """How one exclusive axis is read.

    Fused logits are `prompt * z_prompt + bare * z_bare`. `trust` maps (log-odds of the best label, its
    fused logit) to the probability that it is right. `scope` maps (best prompt score, best bare score) to
    the probability of being in scope. `threshold` applies to `scope` (out_of_scope) or `trust`
    (likely_wrong). `risk` is what calibration rows say an answer costs at every line of the error budget.
    """

    prompt: float
    bare: float
    trust: Logistic
    scope: Logistic
    threshold: float
    rows: int
    risk: Risk = UNMEASURED

    def fused(self, prompt: Floats, bare: Floats) -> Floats:
        """Return the logits `[N, C]` both opinions `[N, C]` make together."""
        return self.prompt * prompt + self.bare * bare


@dataclass(frozen=True, slots=True)
class LabelCalibration:
    """How one label of an independent axis is read: its own slope, intercept and threshold."""

    platt: Logistic
    threshold: float
    rows: int


Calibration = Mapping[str, ExclusiveCalibration | LabelCalibration]
"""By axis name (exclusive axes) or label name (the others)."""


def top_odds(fused: Floats) -> tuple[Floats, Floats]:
    """Return the log-odds of the best label under softmax, and its fused logit, both `[N]`."""
    top = fused.max(1)
    best = -np.log(np.exp(fused - top[:, None]).sum(1))
    return best - np.log(np.maximum(-np.expm1(best), _TINY)), top


def sigmoid(logits: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return np.exp(-np.logaddexp(0.0, -logits))


def log_softmax(logits: Floats) -> Floats:
    """Return the logarithm of the softmax over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))
