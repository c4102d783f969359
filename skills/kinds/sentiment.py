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


_WHO = (
    r"(?:human|agent|operator|representative|rep|manager|supervisor|advis[eo]r|colleague"
    r"|(?:real|live|actual|other) (?:person|people)|customer (?:service|support|care))s?"
)
_ALONE = re.compile(
    rf"^\W*(?:(?!no\b|not\b|bad\b|good\b)\w+\W+){{0,2}}(?:{_WHO}|hand(?:[ -]?off|[ -]?over))"
    r"(?:\W+(?:please|now|pls))?[\s.!?]*$",
    re.IGNORECASE,
)
_REACH = re.compile(
    r"\b(?:talk|speak|chat|connect|transfer|pass|put|hand|get|give|reach)(?:ed|ing|red)?\b"
    rf"(?:\W+(?!by\b)\w+){{0,4}}\W+{_WHO}\b"
    r"|\b(?:talk|speak|chat)(?:ing)?\s+(?:to|with)\s+(?:(?:some|any)(?:one|body)\b|an?\s+(?:\w+\s+)?person\b)"
    r"|\b(?:some|any)(?:one|body)\s+else\s+(?:on the (?:line|phone)|help|assist|take (?:a look|over)|look at)\b"
    r"|\b(?:transfer|put)\s+me\s+(?:over\s+|through\s+)?to\b",
    re.IGNORECASE,
)
_NOT = re.compile(
    r"\b(?:am i|do i (?:have|need)|(?:don'?t|do not) (?:have|need)) (?:to|talking|speaking|chatting)\b", re.IGNORECASE
)


def asks_plainly(text: str) -> bool:
    """Return whether a text asks for a human in words that need no learning ("can I speak to an agent?").

    Few requests are missed by a tuned prompt, and a retraining may lose one; these never are. Questions about
    who is talking or whether a call is needed are not requests.
    """
    return bool(_ALONE.search(text) or _REACH.search(text)) and not _NOT.search(text)
