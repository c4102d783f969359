"""How a helpdesk would label a ticket: topic and priority."""

from skills.kinds import Labels, Passages
from skills.skill import Axis, Skill


def skill(name: str, labels: Labels, _passages: Passages) -> Skill:
    """One exclusive axis for each question the desk's helpdesk asks of a ticket."""
    return Skill(
        name,
        "classification",
        "label this support ticket by its topic and its priority",
        tuple(Axis(axis, tuple(names)) for axis, names in labels.items()),
    )
