"""Rows of an intent data set as the router's skill and examples."""

from typing import Any

from skills.kinds import make_skill
from skills.skill import Example, Skill

Rows = list[dict[str, Any]]


def router(rows: Rows) -> Skill:
    """Return a router over the intents of these rows; those marked `oos` belong to none."""
    names = sorted({row["intent"] for row in rows if not row.get("oos")})
    return make_skill("router", "router", {"intent": names}, {})


def judged(rows: Rows) -> list[Example]:
    """Return rows as examples, numbered by place."""
    told = [(row["text"], None if row.get("oos") else row["intent"]) for row in rows]
    return [Example(text, {"intent": intent}, id=str(place)) for place, (text, intent) in enumerate(told)]
