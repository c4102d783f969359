"""What a skill is: how a message is rendered, how an output is read, when it was right.

One object gives the training rows and judges the answers. A kind of skill is a short file in
`skills/kinds`; everything that learns or serves works on the two shapes below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["train", "calibration", "gate", "golden"]
Target = Mapping[str, str | bool | None]
"""What a human says of a text: `{"intent": "card_arrival"}`, `{"intent": None}` (out of scope),
`{"asks_for_human": True}`, `{"article": "change-pin"}`. What is not named is unknown."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text and what a human says of it."""

    text: str
    target: Target
    role: Role = "train"
    group: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Axis:
    """One question a skill answers about a text.

    `exclusive`: at most one label holds (softmax); otherwise each label holds or not on its own
    (sigmoid), and `must_catch` names the labels whose recall has a floor. `rejects`: when the answer is
    "none of them": where the text belongs to no label (a router), or where the best label is likelier
    wrong than right (a search).
    """

    name: str
    labels: tuple[str, ...]
    exclusive: bool = True
    rejects: Literal["never", "out_of_scope", "likely_wrong"] = "never"
    must_catch: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A skill's typed output: one label (or article) of one axis.

    `confidence` is the calibrated probability that the label is right (exclusive axes) or holds (the
    others). `accepted`: it passed its threshold: in scope, answerable, or the label holds.
    """

    skill: str
    axis: str
    label: str
    confidence: float
    accepted: bool
    runners_up: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Skill:
    """A named capability of a desk, ready to be tuned or read.

    `instruction` is the sentence whose keys and values seed the prefix. `passages` (retrieval only)
    gives each label the texts that stand for it: its label vector is then not learnt but looked up, and
    a desk can edit them without retraining.
    """

    name: str
    kind: str
    instruction: str
    axes: tuple[Axis, ...]
    passages: Mapping[str, Sequence[str]] | None = field(default=None, compare=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label of every axis, in the order of score columns."""
        return tuple(label for axis in self.axes for label in axis.labels)

    def columns(self, axis: Axis) -> slice:
        """Where an axis's labels lie in a score matrix `[N, C]`."""
        start = 0
        for other in self.axes:
            if other.name == axis.name:
                break
            start += len(other.labels)
        return slice(start, start + len(axis.labels))


def render(text: str) -> str:
    """Return the text as a skill reads it: one line, single spaces, never empty."""
    return " ".join(text.split()) or "."


def right(axes: Sequence[Axis], verdicts: Sequence[Verdict], target: Target) -> dict[str, bool]:
    """Return, for each thing the target says, whether the verdicts agree.

    Keys are axis names (exclusive) or label names. An exclusive verdict is right when its accepted label
    is the target's, or when it rejects and the target is None.
    """
    judged: dict[str, bool] = {}
    by_axis = {verdict.axis: verdict for verdict in verdicts}
    by_label = {verdict.label: verdict for verdict in verdicts}
    for axis in axes:
        if axis.exclusive and axis.name in target:
            verdict = by_axis[axis.name]
            judged[axis.name] = (verdict.label if verdict.accepted else None) == target[axis.name]
        elif not axis.exclusive:
            for label in axis.labels:
                if target.get(label) is not None:
                    judged[label] = by_label[label].accepted == target[label]
    return judged
