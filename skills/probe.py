"""The probe: logistic regression on frozen embeddings. The rival of every prompt, and its second opinion."""

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn.functional import normalize

from skills.skill import Axis, Example, Skill
from skills.targets import encode

STRENGTH = 10.0
"""Inverse regularisation; the best of 3, 10, 30 and 100 on a development cut of BANKING77."""
SILENT = -30.0


def fit_probe(skill: Skill, examples: Sequence[Example], bare: Tensor) -> dict[str, Tensor]:
    """Fit every axis on frozen states `[N, H]`; return `probe.vectors` `[C, H]` and `probe.bias` `[C]`."""
    units = normalize(bare, dim=-1).double().numpy()
    vectors = torch.zeros(len(skill.labels), bare.shape[1])
    bias = torch.zeros(len(skill.labels))
    for axis in skill.axes:
        start = skill.columns(axis).start
        for label, weights, intercept in _fit_axis(axis, encode(axis, examples), units):
            vectors[start + label] = torch.from_numpy(weights).float()
            bias[start + label] = float(intercept)
    return {"probe.vectors": vectors, "probe.bias": bias}


def _fit_axis(axis: Axis, coded: np.ndarray, units: np.ndarray) -> list[tuple[int, np.ndarray, float]]:
    if not axis.exclusive:
        found = []
        for label in range(len(axis.labels)):
            known = coded[:, label] >= 0
            model = _fit(units[known], coded[known, label])
            found.append((label, model.coef_[0], model.intercept_[0]))
        return found
    known = coded >= 0
    model = _fit(units[known], coded[known])
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
        half = model.coef_[0] / 2, model.intercept_[0] / 2
        pairs = [(-half[0], -half[1]), half]
    else:
        pairs = list(zip(model.coef_, model.intercept_, strict=True))
    seen = {int(label): pair for label, pair in zip(model.classes_, pairs, strict=True)}
    absent = (np.zeros(units.shape[1]), SILENT)
    return [(label, *seen.get(label, absent)) for label in range(len(axis.labels))]


def _fit(features: np.ndarray, classes: np.ndarray) -> LogisticRegression:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=STRENGTH, max_iter=300).fit(features, classes)
