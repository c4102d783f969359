"""When a human takes over, and what the bot does otherwise. Pure: facts in, decision out.

The first rule that matches wins. One angry but answerable message is answered; anger that lasts, or
that meets a failure, is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["silent", "escalate", "warn", "out_of_scope", "follow_route"]
Reason = Literal["asked_for_human", "abusive", "negative", "failed_twice", "rule", "intent"]

NEGATIVE_OF_LAST = 2
LAST_MESSAGES = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the decision may look at.

    `earlier_negative` are the customer's earlier messages, newest first. `fails`: this turn would end
    without an answer. `failed_before`: so did the turn before it. `rule`: the name of a desk's own rule
    that matched.
    """

    human_owns: bool = False
    asks_for_human: bool = False
    abusive: bool = False
    negative: bool = False
    warned_before: bool = False
    earlier_negative: tuple[bool, ...] = ()
    fails: bool = False
    failed_before: bool = False
    rule: str | None = None
    in_scope: bool = True
    hands_over: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and for an escalation, why."""

    kind: Kind
    reason: Reason | None = None


def decide(facts: Facts) -> Decision:  # noqa: PLR0911 - one return a rule, in order
    """Return what happens to a message; see the module's text for the order."""
    lately = (facts.negative, *facts.earlier_negative)[:LAST_MESSAGES]
    if facts.human_owns:
        return Decision("silent")
    if facts.asks_for_human:
        return Decision("escalate", "asked_for_human")
    if facts.abusive:
        return Decision("escalate", "abusive") if facts.warned_before else Decision("warn")
    if facts.negative and (facts.fails or sum(lately) >= NEGATIVE_OF_LAST):
        return Decision("escalate", "negative")
    if facts.fails and facts.failed_before:
        return Decision("escalate", "failed_twice")
    if facts.rule:
        return Decision("escalate", "rule")
    if not facts.in_scope:
        return Decision("out_of_scope")
    if facts.hands_over:
        return Decision("escalate", "intent")
    return Decision("follow_route")


REASONS: Mapping[str, str] = {
    "asked_for_human": "The customer asked for a human.",
    "abusive": "The customer stayed abusive after a warning.",
    "negative": "The customer is upset and was not helped.",
    "failed_twice": "Two questions in a row had no answer.",
    "rule": "One of the desk's own rules applies.",
    "intent": "The desk hands this kind of request to a human.",
}


def summarise(
    reason: Reason, intent: str | None, first: str, last: str, tried: tuple[str, ...], mood: tuple[str, ...]
) -> str:
    """Return a summary a human can take over from: why, what about, what was tried."""
    lines = [REASONS[reason]]
    if intent:
        lines.append(f"Looks like: {intent.replace('_', ' ')}.")
    lines.append(f"First request: {first}")
    if last != first:
        lines.append(f"Last message: {last}")
    lines.append(f"Articles shown: {', '.join(tried)}." if tried else "No article was shown.")
    if mood:
        lines.append(f"Mood noticed: {', '.join(label.replace('_', ' ') for label in mood)}.")
    return "\n".join(lines)
