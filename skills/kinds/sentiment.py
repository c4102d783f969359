"""What a human would notice in the tone: asks for a human, negative, abusive. Feeds escalation."""

import re

from skills.kinds import Labels, Passages
from skills.skill import Axis, Skill


def skill(name: str, _labels: Labels, _passages: Passages) -> Skill:
    """Three labels that hold or not on their own; a request for a human must not be missed."""
    moods = ("asks_for_human", "negative", "abusive")
    return Skill(
        name,
        "sentiment",
        "notice whether the customer asks for a human, is annoyed, or is abusive",
        (Axis("mood", moods, exclusive=False, must_catch=("asks_for_human",)),),
    )


_HUMAN = re.compile(
    r"\b(human|person|people|agent|operator|representative|manager|supervisor|someone|somebody|advis[eo]r|colleague)\b",
    re.IGNORECASE,
)


def names_a_human(text: str) -> bool:
    """Return whether a text names the human it asks for: such a request must never be lost."""
    return _HUMAN.search(text) is not None
