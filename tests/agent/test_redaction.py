"""Personal data is named, not told, before a text becomes training material: recall on a written set, and what stays."""

import re
from collections import Counter
from pathlib import Path

import pytest

from agent.redaction import redact

MARKED = re.compile(r"\{(\w+)\|([^}]+)\}")
LINES = (Path(__file__).parent / "personal_data.txt").read_text(encoding="utf-8").splitlines()
WITH = [line for line in LINES if MARKED.search(line)]
WITHOUT = [line for line in LINES if not MARKED.search(line)]


def test_the_recall_on_the_written_set_is_what_the_guide_states() -> None:
    there: Counter[str] = Counter()
    told: list[tuple[str, str]] = []
    for line in WITH:
        redacted = redact(MARKED.sub(r"\2", line))
        for kind, value in MARKED.findall(line):
            there[kind] += 1
            if value in redacted:
                told.append((kind, value))
    print({kind: f"{count - sum(k == kind for k, _ in told)} of {count}" for kind, count in there.items()}, told)
    assert sum(there.values()) == 60
    assert sorted(kind for kind, _ in told) == ["email", "phone", "secret"], "spelled out in words, or without a digit"


def test_what_is_found_is_named_by_its_kind() -> None:
    for line in WITH:
        found = redact(MARKED.sub(r"\2", line))
        if not any(value in found for _, value in MARKED.findall(line)):
            assert found == MARKED.sub(r"[\1]", line)


@pytest.mark.parametrize("text", WITHOUT)
def test_other_numbers_and_words_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("text", ["", "::", "@", "a" * 10_000, "1" * 10_000, "1 " * 5_000, "a@" * 5_000, "::1" * 3_000])
def test_unruly_texts_are_read_quickly_and_redacting_twice_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
