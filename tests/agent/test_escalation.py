"""The order of the rules: the first that matches wins."""

import pytest

from agent.escalation import Decision, Facts, decide, summarise

EVERYTHING = {
    "human_owns": True,
    "asks_for_human": True,
    "abusive": True,
    "negative": True,
    "fails": True,
    "failed_before": True,
    "rule": "ombudsman",
    "in_scope": False,
    "hands_over": True,
}
ORDER = [
    ("human_owns", Decision("silent")),
    ("asks_for_human", Decision("escalate", "asked_for_human")),
    ("abusive", Decision("warn")),
    ("negative", Decision("escalate", "negative")),
    ("failed_before", Decision("escalate", "failed_twice")),
    ("rule", Decision("escalate", "rule")),
    ("in_scope", Decision("out_of_scope")),
    ("hands_over", Decision("escalate", "intent")),
]


@pytest.mark.parametrize("place", range(len(ORDER)))
def test_each_rule_wins_when_those_before_it_are_silent(place: int) -> None:
    quiet = {name: {"rule": None, "in_scope": True}.get(name, False) for name, _ in ORDER[:place]}
    assert decide(Facts(**{**EVERYTHING, **quiet})) == ORDER[place][1]


def test_one_angry_but_answerable_message_is_answered() -> None:
    assert decide(Facts(negative=True)).kind == "follow_route"


def test_anger_that_lasts_is_handed_over() -> None:
    assert decide(Facts(negative=True, earlier_negative=(False, True))).reason == "negative"
    assert decide(Facts(negative=True, earlier_negative=(False, False, True))).kind == "follow_route"
    assert decide(Facts(negative=False, earlier_negative=(True, True))).kind == "follow_route"


def test_anger_at_a_failure_is_handed_over() -> None:
    assert decide(Facts(negative=True, fails=True, in_scope=False)).reason == "negative"


def test_abuse_is_warned_of_once() -> None:
    assert decide(Facts(abusive=True)).kind == "warn"
    assert decide(Facts(abusive=True, warned_before=True)) == Decision("escalate", "abusive")


def test_one_failure_is_said_two_are_handed_over() -> None:
    assert decide(Facts(fails=True, in_scope=False)).kind == "out_of_scope"
    assert decide(Facts(fails=True, in_scope=False, failed_before=True)).reason == "failed_twice"
    assert decide(Facts(fails=False, failed_before=True)).kind == "follow_route"


def test_a_summary_says_why_what_and_what_was_tried() -> None:
    words = summarise(
        "asked_for_human", "card_arrival", "where is my card", "get me a human", ("card-late",), ("negative",)
    )
    assert words.splitlines() == [
        "The customer asked for a human.",
        "Looks like: card arrival.",
        "First request: where is my card",
        "Last message: get me a human",
        "Articles shown: card-late.",
        "Mood noticed: negative.",
    ]
    short = summarise("rule", None, "a", "a", (), ())
    assert short.splitlines() == [
        "One of the desk's own rules applies.",
        "First request: a",
        "No article was shown.",
    ]
