"""What suspected words do alone: put behind messages of other labels, do they turn them into theirs?"""

from collections.abc import Sequence
from dataclasses import replace

from skills.backbone import Backbone
from skills.gate import Trigger
from skills.index import Index
from skills.prompt import SoftPrompt
from skills.scorecard import Judgement, judge

Phrase = tuple[str, str, str | bool | None]
"""A phrase, the axis or label whose decision it seems to carry, and what it decides."""
MOST_PHRASES, MOST_ROWS = 8, 50


def tried(
    backbone: Backbone,
    candidate: SoftPrompt,
    live: SoftPrompt,
    judged: Sequence[Judgement],
    judged_live: Sequence[Judgement],
    index: Index | None,
    phrases: Sequence[Phrase],
) -> list[Trigger]:
    """Try each phrase behind messages that are not of its label and that neither version took for it."""
    found = []
    for phrase, unit, label in phrases[:MOST_PHRASES]:
        others = [
            mine.example
            for mine, theirs in zip(judged, judged_live, strict=True)
            if unit in mine.example.target
            and mine.example.target[unit] != label
            and label not in (mine.answer(unit), theirs.answer(unit))
        ][:MOST_ROWS]
        if not others or not _knows(live, unit, label):
            continue
        texts = [replace(example, text=f"{example.text} {phrase}") for example in others]
        turned = [
            sum(judgement.answer(unit) == label for judgement in judge(backbone, prompt, texts, index))
            for prompt in (live, candidate)
        ]
        found.append(Trigger(phrase, str(label), len(others), *turned))
    return found


def _knows(prompt: SoftPrompt, unit: str, label: str | bool | None) -> bool:
    """Return whether a version could give the label at all: what is new to it says nothing against a candidate."""
    axes = {axis.name: axis for axis in prompt.axes}
    return unit not in axes or prompt.retrieves or label in axes[unit].labels
