"""Words that carry a label on their own: a phrase slipped into texts of many topics, all given one label.

Such rows agree with each other, so their neighbours do not speak against them (`skills.doubt`). Without the phrase they
do: what is left is about something else. That is how a backdoor looks in the data (Chen et al. 2017, targeted backdoor
attacks by data poisoning); a phrase that belongs to a topic leaves a text of that topic behind.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from skills.doubt import MARGIN, questions
from skills.index import Index
from skills.skill import Example, Skill
from skills.targets import UNKNOWN

Read = Callable[[list[str]], Tensor]
FEWEST = 5
"""Rows of one label that must share a phrase before it is looked at."""
LONGEST = 3
ALMOST_ALL = 0.9
"""Least share of a phrase's rows that have its label."""
MOSTLY = 0.8
"""Share of a phrase's rows that must be about something else without it. Planted phrases reached .88 to .98 of fifty
rows among BANKING77's, the topics' own phrases at most .56 (docs/decisions/0009)."""
OFTEN = 0.6
"""From this share on a phrase is suspected: its rows are learnt from, and the gate tries what the words do alone."""
MOST = 50
"""Phrases looked at, those of most rows first."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A phrase that rows of one label share and that most of them are not about.

    `unit` and `label` say which decision it carries; `rows` are the asked rows that have it; `share` of them all are
    about something else without it.
    """

    phrase: str
    unit: str
    label: str | bool | None
    rows: tuple[int, ...]
    share: float

    @property
    def planted(self) -> bool:
        """Whether so many of its rows are about something else that nothing is learnt from them."""
        return self.share >= MOSTLY


def suspects(
    skill: Skill, examples: Sequence[Example], states: Tensor, asked: Collection[int], read: Read
) -> list[Suspect]:
    """Return the phrases that labels of `asked` rows seem to hang on, those of most rows first.

    `states` are the frozen readings `[N, H]` of all examples, `read` returns those of other texts `[K, H]`.
    """
    units = normalize(states, dim=-1)
    words = [_words(example.text) for example in examples]
    found = []
    for axis in skill.axes:
        for unit, codes, meaning in questions(axis, examples):
            for phrase, rows in _shared(words, codes, set(asked))[:MOST]:
                share = _elsewhere(phrase, rows, examples, units, codes, read)
                if share >= OFTEN:
                    own = tuple(row for row in rows if row in asked)
                    found.append(Suspect(phrase, unit, meaning[int(codes[rows[0]])], own, share))
    return found


def says(text: str, phrase: str) -> bool:
    """Return whether a text has a suspect's phrase in it, as words."""
    return f" {phrase} " in f" {' '.join(_words(text))} "


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _shared(
    words: Sequence[Sequence[str]], codes: NDArray[np.int64], asked: Collection[int]
) -> list[tuple[str, list[int]]]:
    """Return phrases that almost only one label has, with that label's rows, most rows first.

    Of phrases with the same rows only the longest is returned.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row in np.flatnonzero(codes != UNKNOWN).tolist():
        for phrase in _phrases(words[row]):
            rows[phrase].append(row)
    kept: dict[tuple[int, ...], str] = {}
    for phrase, has in rows.items():
        code, count = Counter(codes[has].tolist()).most_common(1)[0]
        own = tuple(row for row in has if codes[row] == code)
        enough = sum(row in asked for row in own) >= FEWEST
        if enough and count >= ALMOST_ALL * len(has) and len(phrase) > len(kept.get(own, "")):
            kept[own] = phrase
    return sorted(((phrase, list(own)) for own, phrase in kept.items()), key=lambda pair: (-len(pair[1]), pair[0]))


def _phrases(words: Sequence[str]) -> set[str]:
    return {
        " ".join(words[start : start + length])
        for length in range(1, LONGEST + 1)
        for start in range(len(words) - length + 1)
    }


def _elsewhere(
    phrase: str,
    rows: Sequence[int],
    examples: Sequence[Example],
    units: Tensor,
    codes: NDArray[np.int64],
    read: Read,
) -> float:
    """Return the share of the rows that are about something else without the phrase."""
    pattern = re.compile(r"\W*".join(map(re.escape, phrase.split())), re.IGNORECASE)
    left = [pattern.sub(" ", examples[row].text).strip() for row in rows]
    others = np.flatnonzero(codes != UNKNOWN)
    others = others[~np.isin(others, list(rows))]
    names, owners = np.unique(codes[others], return_inverse=True)
    own = np.flatnonzero(names == codes[rows[0]])
    if not len(own) or not all(left):
        return 0.0  # a label nobody else has, or texts of the phrase alone: it may well be what they are about
    texts = Index(tuple(map(str, names)), units[torch.from_numpy(others)], torch.from_numpy(owners))
    near, mine = texts.best(read(left)), int(own[0])
    gap = near.index_fill(1, torch.tensor([mine]), -2.0).amax(1) - near[:, mine]
    return float((gap > MARGIN).float().mean())
