"""Adding a kind of skill is adding a file."""

from pathlib import Path

import pytest

from skills import kinds
from skills.errors import CannotTune
from skills.kinds import make_skill
from skills.kinds.sentiment import asks_plainly, names_a_human

LANGUAGE = """
from skills.skill import Axis, Skill

def skill(name, labels, passages):
    return Skill(name, "language", "say which language this is", (Axis("language", ("en", "de")),))
"""


def test_the_four_standard_kinds() -> None:
    assert kinds.kinds() == ["classification", "faq", "router", "sentiment"]
    router = make_skill("router", "router", {"intent": ["a", "b"]}, {})
    assert router.labels == ("a", "b")
    tickets = make_skill("classification", "c", {"topic": ["x"], "priority": ["low", "high"]}, {})
    assert tickets.columns(tickets.axes[1]) == slice(1, 3)
    assert make_skill("faq", "faq", {}, {"pin": ("How?",)}).passages == {"pin": ("How?",)}
    assert make_skill("sentiment", "s", {}, {}).axes[0].must_catch == ("asks_for_human",)


def test_a_new_file_is_a_new_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "language.py").write_text(LANGUAGE)
    monkeypatch.setattr(kinds, "__path__", [*kinds.__path__, str(tmp_path)])
    assert "language" in kinds.kinds()
    assert make_skill("language", "tongue", {}, {}).labels == ("en", "de")


def test_a_kind_that_does_not_exist_is_named() -> None:
    with pytest.raises(CannotTune, match="no kind of skill called 'telepathy'"):
        make_skill("telepathy", "t", {}, {})


@pytest.mark.parametrize("text", ["get me a human", "is there a PERSON here?", "your manager, now"])
def test_explicit_requests_name_a_human(text: str) -> None:
    assert names_a_human(text)


@pytest.mark.parametrize("text", ["call me back", "personal details", "humanity"])
def test_other_texts_do_not(text: str) -> None:
    assert not names_a_human(text)


@pytest.mark.parametrize(
    "text",
    [
        "can I speak to an agent?",
        "just put me through to your manager please",
        "operator",
        "representative please!",
        "real human please",
        "Is my card blocked? Never mind, let me talk to a real person.",
        "I want to talk to someone about my loan",
        "connect me with customer support",
        "get me a human",
        "handover please",
        "you are no use, can somebody else take a look at my claim?",
        "transfer me to the refunds team",
    ],
)
def test_a_request_in_plain_words_needs_no_learning(text: str) -> None:
    assert asks_plainly(text)


@pytest.mark.parametrize(
    "text",
    [
        "I sent money to someone else",
        "can someone else use my card?",
        "transfer me 20 euros",
        "how do I hand over my old card",
        "a table for four people please",
        "am I talking to a real person?",
        "do I need to speak to a representative to change my PIN?",
        "how do I pay another person",
        "someone stole my card",
        "I don't need to talk to anyone",
        "is it a human right",
        "",
    ],
)
def test_other_words_about_people_ask_for_nobody(text: str) -> None:
    assert not asks_plainly(text)
