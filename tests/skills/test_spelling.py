"""Slips of the hand against a desk's own words."""

import pytest

from skills.spelling import Spelling, learn_spelling

TEXTS = ["My card has not arrived", "How do I change my card's PIN?", "withdrawals abroad hasn't charge charge"]
COMMON = {"how", "the", "can", "there", "what", "one", "meine"}


@pytest.fixture
def spelling() -> Spelling:
    return learn_spelling(TEXTS, COMMON.__contains__)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("my crd hasnt arived", "my card hasn't arrived"),
        ("how can the cadr change", "how can the card change"),
        ("what withdrwalls abroad", "what withdrawals abroad"),
        ("my card's PIN, arived!", "my card's PIN, arrived!"),
    ],
)
def test_an_unknown_word_becomes_the_desks_word_it_is_nearest_to(spelling: Spelling, typed: str, meant: str) -> None:
    assert spelling.mend(typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "my card has not arrived",
        "what one can",
        "Wie ändere ich meine PIN",
        "kan ik mijn kaart wijzigen",
        "it's I'd we'd",
        "my xylophone arrived",
        "pi an",
        "🙂",
    ],
)
def test_known_words_short_words_and_other_languages_stay(spelling: Spelling, text: str) -> None:
    assert spelling.mend(text) == text


def test_of_two_words_equally_near_the_commoner_one_is_meant(spelling: Spelling) -> None:
    assert spelling.mend("my chagge arrived") == "my charge arrived"


def test_a_desk_without_words_mends_nothing() -> None:
    empty = learn_spelling([], COMMON.__contains__)
    assert empty.mend("my crd hasnt arived") == "my crd hasnt arived"
