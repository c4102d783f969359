"""Scores of rows a prompt never learnt from, and what is fitted and counted on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from skills.budget import count_risk
from skills.calibration import Calibration, ExclusiveCalibration, Floats, LabelCalibration
from skills.errors import CannotTune
from skills.fitting import fit_exclusive, fit_label
from skills.reading import exclusive_confidence
from skills.skill import Example, Skill
from skills.targets import UNKNOWN, encode


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of rows their prompt never learnt from: both opinions `[N, C]` and the examples."""

    prompt: Floats
    bare: Floats
    examples: tuple[Example, ...]


def join(parts: Sequence[HeldOut]) -> HeldOut:
    """Return all parts as one. Raises CannotTune if there is none."""
    if not parts:
        raise CannotTune("No row is left to calibrate on.")
    return HeldOut(
        np.concatenate([part.prompt for part in parts]),
        np.concatenate([part.bare for part in parts]),
        tuple(example for part in parts for example in part.examples),
    )


def calibrate(skill: Skill, held: HeldOut, arms: tuple[bool, bool] = (True, True)) -> Calibration:
    """Fit every axis of a skill on held-out scores; `arms` restricts the opinions that count."""
    parts: dict[str, ExclusiveCalibration | LabelCalibration] = {}
    for axis in skill.axes:
        columns = skill.columns(axis)
        coded = encode(axis, held.examples)
        if axis.exclusive:
            known = coded != UNKNOWN
            parts[axis.name] = fit_exclusive(held.prompt[known, columns], held.bare[known, columns], coded[known], arms)
            continue
        for column, label in enumerate(axis.labels):
            known, place = coded[:, column] >= 0, columns.start + column
            holds = coded[known, column] == 1
            parts[label] = fit_label(
                held.prompt[known, place], held.bare[known, place], holds, label in axis.must_catch, arms
            )
    return parts


def measure_risk(skill: Skill, calibration: Calibration, fresh: HeldOut) -> Calibration:
    """Return the calibration with each exclusive axis's risk, counted on rows scored by the final prompt."""
    measured = dict(calibration)
    for axis in skill.axes:
        lines = calibration.get(axis.name)
        if not isinstance(lines, ExclusiveCalibration):
            continue
        coded = encode(axis, fresh.examples)
        known, columns = coded != UNKNOWN, skill.columns(axis)
        prompt, bare = fresh.prompt[known, columns], fresh.bare[known, columns]
        confidence, accepted = exclusive_confidence(axis, lines, prompt, bare)
        right = lines.fused(prompt, bare).argmax(1) == coded[known]
        measured[axis.name] = replace(lines, risk=count_risk(confidence, accepted, right))
    return measured
