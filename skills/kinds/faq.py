"""Which article answers a question, or none."""

from skills.kinds import Labels, Passages
from skills.skill import Axis, Skill


def skill(name: str, _labels: Labels, passages: Passages) -> Skill:
    """Search: the prompt tunes the query, the articles are looked up."""
    return Skill(
        name,
        "faq",
        "find the help article that answers this question",
        (Axis("article", tuple(passages), rejects="likely_wrong"),),
        passages=passages,
    )
