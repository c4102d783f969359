"""The metrics of one prompt on one set of judged examples."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from skills.backbone import Backbone
from skills.calibration import ExclusiveCalibration
from skills.evaluation import expected_calibration_error
from skills.index import Index
from skills.prompt import SoftPrompt
from skills.reading import read_texts
from skills.skill import Axis, Example, Verdict, render, right


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a prompt said of an example, and for each thing the example knows, whether it was right."""

    example: Example
    verdicts: tuple[Verdict, ...]
    right: dict[str, bool]

    def answer(self, unit: str) -> str | bool | None:
        """Return what was answered for an axis (the accepted label or None) or for a label."""
        for verdict in self.verdicts:
            if verdict.axis == unit:
                return verdict.label if verdict.accepted else None
            if verdict.label == unit:
                return verdict.accepted
        return None


def judge(
    backbone: Backbone, prompt: SoftPrompt, examples: Sequence[Example], index: Index | None = None
) -> list[Judgement]:
    """Read every example under a prompt and hold the verdicts against its target."""
    tokens = backbone.tokenize([render(example.text) for example in examples], prompt.length)
    read = read_texts(backbone, prompt, tokens, index)
    return [
        Judgement(example, tuple(verdicts), right(prompt.axes, verdicts, example.target))
        for example, verdicts in zip(examples, read, strict=True)
    ]


def scorecard(axes: Sequence[Axis], judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Return plain figures: the share of right decisions, and per axis or label what it is made of."""
    units = [flag for judgement in judgements for flag in judgement.right.values()]
    card: dict[str, Any] = {"rows": len(judgements), "decisions": len(units), "right": _share(units)}
    for axis in axes:
        if axis.exclusive:
            card[axis.name] = _axis_card(axis, [j for j in judgements if axis.name in j.right])
        else:
            for label in axis.labels:
                card[label] = _label_card(label, [j for j in judgements if label in j.right])
    return card


def prompt_card(prompt: SoftPrompt, judgements: Sequence[Judgement]) -> dict[str, Any]:
    """Return the scorecard of a prompt, with what its calibration rows say of every error budget."""
    return {**scorecard(prompt.axes, judgements), "risk": _risk_card(prompt)}


def _risk_card(prompt: SoftPrompt) -> dict[str, Any]:
    """Return the risks of the axes that may answer by themselves."""
    answering = {axis.name for axis in prompt.axes if axis.rejects != "never"}
    lines = {name: line for name, line in prompt.calibration.items() if name in answering}
    return {name: asdict(line.risk) for name, line in lines.items() if isinstance(line, ExclusiveCalibration)}


def _axis_card(axis: Axis, judgements: Sequence[Judgement]) -> dict[str, Any]:
    verdicts = [next(v for v in j.verdicts if v.axis == axis.name) for j in judgements]
    truth = [j.example.target[axis.name] for j in judgements]
    inside = [i for i, label in enumerate(truth) if label is not None]
    correct = np.array([verdicts[i].label == truth[i] for i in inside])
    card: dict[str, Any] = {"rows": len(truth), "right": _share([j.right[axis.name] for j in judgements])}
    if inside:
        confidence = np.array([verdicts[i].confidence for i in inside])
        card["label_accuracy"] = float(correct.mean())
        card["ece"] = expected_calibration_error(confidence, correct)
    if axis.rejects != "never":
        outside = [i for i, label in enumerate(truth) if label is None]
        card["kept"] = _share([verdicts[i].accepted for i in inside])
        card["rejected"] = _share([not verdicts[i].accepted for i in outside])
    found, there = (
        Counter(truth[i] for i in inside if verdicts[i].label == truth[i]),
        Counter(truth[i] for i in inside),
    )
    card["recall"] = {str(label): [found[label], count] for label, count in sorted(there.items(), key=str)}
    return card


def _label_card(label: str, judgements: Sequence[Judgement]) -> dict[str, Any]:
    said = [bool(judgement.answer(label)) for judgement in judgements]
    true = [bool(judgement.example.target[label]) for judgement in judgements]
    both = sum(s and t for s, t in zip(said, true, strict=True))
    return {
        "rows": len(true),
        "right": _share([judgement.right[label] for judgement in judgements]),
        "recall": [both, sum(true)],
        "precision": [both, sum(said)],
    }


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
