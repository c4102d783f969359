"""Texts as hurried people type them."""

import random

from skills.noise import CLOSINGS, OPENINGS, SHORTEST, address, mistype

TEXT = "please change the number on my travel card"


def test_slips_touch_some_long_words_by_one_letter() -> None:
    chooser, changed = random.Random(0), 0
    for _ in range(200):
        typed = mistype(TEXT, chooser).split()
        assert len(typed) == len(TEXT.split())
        for word, slip in zip(TEXT.split(), typed, strict=True):
            assert abs(len(word) - len(slip)) <= 1
            assert (word[0], word[-1]) == (slip[0], slip[-1]) or word[-2:] != slip[-2:]
            assert word == slip or len(word) >= SHORTEST
            changed += word != slip
    long_words = sum(len(word) >= SHORTEST for word in TEXT.split())
    assert 0.15 < changed / (200 * long_words) < 0.3


def test_words_shorter_than_a_slip_stay() -> None:
    assert mistype("is it on me", random.Random(1)) == "is it on me"
    assert mistype("", random.Random(1)) == ""


def test_a_courtesy_stands_before_or_behind_the_text() -> None:
    chooser = random.Random(2)
    seen = {address(TEXT, chooser) for _ in range(300)}
    assert all(TEXT in text for text in seen)
    assert {text.removeprefix(f"{TEXT} ") for text in seen if text.startswith(TEXT)} == set(CLOSINGS)
    assert all(text.startswith(OPENINGS) for text in seen if not text.startswith(TEXT))
