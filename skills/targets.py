"""Human judgements as numbers, and the checks that refuse examples nothing can be learnt from."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skills.errors import CannotTune
from skills.skill import Axis, Example, Skill

NONE = -1
"""No label of the axis holds."""
UNKNOWN = -2
"""Nobody said."""
LEAST_ROWS = 8
LEAST_OF_A_LABEL = 2


def encode(axis: Axis, examples: Sequence[Example]) -> NDArray[np.int64]:
    """Return an exclusive axis as `[N]` of label numbers, another as `[N, C]` of 0 and 1."""
    place = {label: i for i, label in enumerate(axis.labels)}
    if axis.exclusive:
        coded = np.full(len(examples), UNKNOWN, dtype=np.int64)
        for row, example in enumerate(examples):
            if axis.name in example.target:
                label = example.target[axis.name]
                coded[row] = NONE if label is None else place[str(label)]
        return coded
    coded = np.full((len(examples), len(axis.labels)), UNKNOWN, dtype=np.int64)
    for row, example in enumerate(examples):
        for label, holds in example.target.items():
            if label in place and holds is not None:
                coded[row, place[label]] = int(bool(holds))
    return coded


def check_labels(skill: Skill, examples: Sequence[Example]) -> None:
    """Raise CannotTune if an example names an axis or a label the skill does not have."""
    for number, example in enumerate(examples, start=1):
        problem = target_problem(skill, example)
        if problem:
            raise CannotTune(f"Example {example.id or number}: {problem}")


def target_problem(skill: Skill, example: Example) -> str | None:
    """Say what is wrong with an example's target, or None."""
    exclusive = {axis.name: axis for axis in skill.axes if axis.exclusive}
    single = {label for axis in skill.axes if not axis.exclusive for label in axis.labels}
    if not example.target:
        return "it has no label"
    for name, value in example.target.items():
        if name in single:
            if value is not None and not isinstance(value, bool):
                return f"'{name}' must be true, false or null, not {value!r}"
        elif name not in exclusive:
            known = ", ".join([*exclusive, *sorted(single)])
            return f"'{name}' is nothing the skill '{skill.name}' decides; it decides {known}"
        elif value is None and exclusive[name].rejects == "never":
            return f"'{name}' needs a label"
        elif value is not None and value not in exclusive[name].labels:
            return f"{name} '{value}' is not known to this desk"
    return None


def check_enough(skill: Skill, examples: Sequence[Example]) -> None:
    """Raise CannotTune unless every axis has two sides with at least two rows each."""
    if len(examples) < LEAST_ROWS:
        raise CannotTune(f"'{skill.name}' has {len(examples)} training examples; it needs at least {LEAST_ROWS}.")
    for axis in skill.axes:
        coded = encode(axis, examples)
        if axis.exclusive:
            counts = Counter(int(code) for code in coded if code >= 0)
            if len(counts) < 2:
                raise CannotTune(f"All '{axis.name}' examples of '{skill.name}' have one label; it needs at least two.")
            thin = [axis.labels[code] for code, count in counts.items() if count < LEAST_OF_A_LABEL]
            if thin and skill.passages is None:
                raise CannotTune(
                    f"Too few examples for {axis.name} {', '.join(thin)}: at least {LEAST_OF_A_LABEL} each."
                )
        else:
            for column, label in enumerate(axis.labels):
                held, not_held = int((coded[:, column] == 1).sum()), int((coded[:, column] == 0).sum())
                if min(held, not_held) < LEAST_OF_A_LABEL:
                    raise CannotTune(
                        f"'{label}' has {held} examples where it holds and {not_held} where it does not; "
                        f"at least {LEAST_OF_A_LABEL} of each are needed."
                    )
