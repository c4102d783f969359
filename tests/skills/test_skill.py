"""Rendering, judging, and reading scores as verdicts."""

import pytest
import torch

from skills.backbone import Backbone
from skills.index import build_index
from skills.prompt import SoftPrompt
from skills.reading import read_texts, verdicts_of
from skills.skill import Axis, Verdict, render, right

AXES = (Axis("intent", ("a", "b"), rejects="out_of_scope"), Axis("mood", ("angry",), exclusive=False))


def said(intent: str, accepted: bool, angry: bool) -> list[Verdict]:
    return [Verdict("s", "intent", intent, 0.9, accepted), Verdict("s", "mood", "angry", 0.9, angry)]


@pytest.mark.parametrize(
    ("verdicts", "target", "judged"),
    [
        (said("a", True, True), {"intent": "a"}, {"intent": True}),
        (said("a", False, True), {"intent": "a"}, {"intent": False}),
        (said("a", False, True), {"intent": None}, {"intent": True}),
        (said("a", True, True), {"intent": None, "angry": True}, {"intent": False, "angry": True}),
        (said("a", True, False), {"angry": True}, {"angry": False}),
        (said("a", True, False), {"angry": None}, {}),
    ],
)
def test_only_what_the_target_says_is_judged(
    verdicts: list[Verdict], target: dict[str, str | bool | None], judged: dict[str, bool]
) -> None:
    assert right(AXES, verdicts, target) == judged


@pytest.mark.parametrize(
    ("text", "rendered"), [("  two\n\nlines ", "two lines"), ("", "."), ("\t \n", "."), ("\u2003x", "x")]
)
def test_a_text_becomes_one_line(text: str, rendered: str) -> None:
    assert render(text) == rendered


def test_every_axis_gives_its_verdicts(label_prompt: SoftPrompt, tiny: Backbone) -> None:
    read = read_texts(tiny, label_prompt, tiny.tokenize(["one", "two three"], 8))
    for verdicts in read:
        assert [verdict.axis for verdict in verdicts] == ["intent", "mood"]
        assert all(0.0 <= verdict.confidence <= 1.0 for verdict in verdicts)
        assert len(verdicts[0].runners_up) == 2


def test_a_search_without_articles_says_nothing(search_prompt: SoftPrompt, tiny: Backbone) -> None:
    state = torch.randn(1, tiny.dimensions.hidden)
    assert verdicts_of(search_prompt, state, state, build_index(tiny, {})) == [[]]


def test_a_search_answers_with_an_article_of_the_live_index(search_prompt: SoftPrompt, tiny: Backbone) -> None:
    index = build_index(tiny, {"other": ("exactly these words",), "pin": ("something else",)})
    verdict = read_texts(tiny, search_prompt, tiny.tokenize(["exactly these words"]), index)[0][0]
    assert verdict.label in ("other", "pin")
    assert verdict.axis == "article"
