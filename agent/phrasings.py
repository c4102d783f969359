"""Whether messages have the same words: by token-sorted similarity (0 to 100), without case, punctuation and order."""

from collections.abc import Sequence
from typing import Any

from rapidfuzz import fuzz, process, utils

_WORDS_ALONE: dict[str, Any] = {"scorer": fuzz.token_sort_ratio, "processor": utils.default_process}


def has_alike(text: str, texts: Sequence[str], least: float) -> bool:
    """Return whether one of the texts is at least this similar."""
    return process.extractOne(text, texts, score_cutoff=least, **_WORDS_ALONE) is not None


def count_alike(texts: Sequence[str], among: Sequence[str], least: float) -> list[int]:
    """Return, for each text, how many of `among` are at least this similar."""
    similar = process.cdist(texts, among, score_cutoff=least, **_WORDS_ALONE)
    return [int(count) for count in (similar > 0).sum(1)]  # what is below the cutoff is 0
