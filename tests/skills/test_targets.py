"""Judgements as numbers, and the ones nothing can be learnt from."""

import numpy as np
import pytest

from skills.errors import CannotTune
from skills.skill import Axis, Example, Skill
from skills.targets import check_enough, check_labels, encode, target_problem

INTENT = Axis("intent", ("a", "b"), rejects="out_of_scope")
TOPIC = Axis("topic", ("x", "y"))
MOOD = Axis("mood", ("angry", "sad"), exclusive=False)
SKILL = Skill("s", "k", "i", (INTENT, TOPIC, MOOD))


def example(**target: object) -> Example:
    return Example("t", target)  # type: ignore[arg-type]


def test_what_is_not_said_is_unknown() -> None:
    rows = [
        example(intent="b"),
        example(intent=None),
        example(topic="x"),
        example(angry=True),
        example(sad=None),
    ]
    assert encode(INTENT, rows).tolist() == [1, -1, -2, -2, -2]
    assert encode(TOPIC, rows).tolist() == [-2, -2, 0, -2, -2]
    unknown = [-2, -2]
    assert encode(MOOD, rows).tolist() == [unknown, unknown, unknown, [1, -2], unknown]
    assert encode(MOOD, rows).dtype == np.int64


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({}, "no label"),
        ({"intent": "c"}, "'c' is not known to this desk"),
        ({"topic": None}, "needs a label"),
        ({"angry": "yes"}, "must be true, false or null"),
        ({"colour": "red"}, "decides intent, topic, angry, sad"),
    ],
)
def test_a_target_that_makes_no_sense_is_named(target: dict[str, object], words: str) -> None:
    problem = target_problem(SKILL, example(**target))
    assert problem is not None
    assert words in problem


def test_good_targets_have_no_problem() -> None:
    for target in ({"intent": None}, {"intent": "a", "angry": False}, {"sad": None}):
        assert target_problem(SKILL, example(**target)) is None


def test_the_row_with_the_unknown_label_is_named() -> None:
    with pytest.raises(CannotTune, match="Example 2: intent 'z'"):
        check_labels(SKILL, [example(intent="a"), example(intent="z")])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([example(intent="a")] * 3, "needs at least 8"),
        ([example(intent="a", topic="x", angry=True, sad=True)] * 9, "have one label"),
        ([example(intent="a")] * 8 + [example(intent="b")], "Too few examples for intent b"),
        (
            [example(intent=i, topic=t, angry=True, sad=True) for i in "ab" for t in "xy"] * 3,
            "'angry' has 12 examples where it holds and 0 where it does not",
        ),
    ],
)
def test_examples_that_teach_nothing_are_refused(rows: list[Example], words: str) -> None:
    with pytest.raises(CannotTune, match=words):
        check_enough(SKILL, rows)
