"""Which of the desk's intents a message has, or none of them."""

from skills.kinds import Labels, Passages
from skills.skill import Axis, Skill


def skill(name: str, labels: Labels, _passages: Passages) -> Skill:
    """One exclusive axis over the desk's intents; a message may be out of scope."""
    return Skill(
        name,
        "router",
        "decide which question or request the customer has",
        (Axis("intent", tuple(labels["intent"]), rejects="out_of_scope"),),
    )
