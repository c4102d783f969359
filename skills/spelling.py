"""Slips of the hand, mended with the desk's own words before a message is read.

A prompt learns to survive slips (`skills.noise`), but the tokenizer breaks "crd" into pieces that mean nothing.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

SHORTEST = 3
LONG = 8
"""Letters from which a word may be two slips away from the one meant; shorter ones, one."""
FOREIGN = 0.5
"""Share of words nobody knows from which a text is taken to be in another language, and left alone."""
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Spelling:
    """The words a desk uses, by first letter with the commonest first, and which others exist."""

    words: dict[str, tuple[str, ...]]
    exists: Callable[[str], bool]

    def mend(self, text: str) -> str:
        """Return the text with each unknown word replaced by the desk's word it is a slip or two away from."""
        if not text.isascii():
            return text
        found = _WORD.findall(text.lower())
        unknown = {word for word in found if len(word) >= SHORTEST and "'" not in word and not self._known(word)}
        meant = {word: self._nearest(word) for word in unknown}
        if sum(nearest is None for nearest in meant.values()) > FOREIGN * len(found):
            return text
        return _WORD.sub(lambda match: meant.get(match[0].lower()) or match[0], text)

    def _known(self, word: str) -> bool:
        return self.exists(word) or word in self.words.get(word[0], ())

    def _nearest(self, word: str) -> str | None:
        slips = 2 if len(word) >= LONG else 1
        found = process.extractOne(word, self.words.get(word[0], ()), scorer=OSA.distance, score_cutoff=slips)
        return found[0] if found else None


def learn_spelling(texts: Iterable[str], exists: Callable[[str], bool]) -> Spelling:
    """Return the spelling of a desk from its own texts; `exists` tells which other words there are."""
    counts = Counter(word for text in texts for word in _WORD.findall(text.lower()) if len(word) >= SHORTEST)
    by_letter: dict[str, list[str]] = {}
    for word, _ in counts.most_common():
        by_letter.setdefault(word[0], []).append(word)
    return Spelling({letter: tuple(words) for letter, words in by_letter.items()}, exists)
