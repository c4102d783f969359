"""Labels that a text's neighbours speak against: slips and lies of reviewers, found before tuning."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from skills.index import Index
from skills.skill import Axis, Example, Skill
from skills.targets import NONE, UNKNOWN, encode

MARGIN = 0.2
"""How much nearer (in cosine) another label must be. Of labels changed by chance in a tenth of BANKING77's rows it
finds 93 of 100 with 10 rows an intent and 97 with 30; it doubts 2 and 1 in 100 of the others (docs/decisions/0009)."""
FEWEST = 3
"""Rows below which a label is too new to be doubted."""

Target = dict[str, str | bool | None]


def doubtful(
    skill: Skill, examples: Sequence[Example], states: Tensor, asked: Sequence[int], passages: Tensor | None = None
) -> dict[int, Target]:
    """Return, for those examples of `asked` (row numbers) that are in doubt, what their neighbours say instead.

    `states` are the frozen readings `[N, H]` of all examples; `passages` those of a search's articles `[M, H]`,
    in the order of `skill.passages`. A row is compared with every other row, itself left out: its distance to a label
    is the mean of those to the nearest text and to the centre of all texts of the label, as in a search.
    """
    told = [place for place, group in enumerate((skill.passages or {}).values()) for _ in group]
    units = normalize(states if passages is None else torch.cat([states, passages]), dim=-1)
    found: dict[int, Target] = {}
    for axis in skill.axes:
        for name, codes, meaning in questions(axis, examples):
            known = codes if passages is None else np.concatenate([codes, told])
            for row, code in _contradicted(units, known, asked).items():
                found.setdefault(row, {})[name] = meaning[code]
    return found


def questions(
    axis: Axis, examples: Sequence[Example]
) -> list[tuple[str, NDArray[np.int64], dict[int, str | bool | None]]]:
    """Return what an axis asks of a text, as (name, codes `[N]`, what a code means): one question, or one a label."""
    coded = encode(axis, examples)
    if axis.exclusive:
        return [(axis.name, coded, {NONE: None, **dict(enumerate(axis.labels))})]
    return [(label, coded[:, column], {0: False, 1: True}) for column, label in enumerate(axis.labels)]


def _contradicted(units: Tensor, codes: NDArray[np.int64], asked: Sequence[int]) -> dict[int, int]:
    """Return {row: code} for the asked rows that are nearer to another code than to their own by the margin."""
    kept = np.flatnonzero(codes != UNKNOWN)
    names, owners, counts = np.unique(codes[kept], return_inverse=True, return_counts=True)
    place = {row: at for at, row in enumerate(kept.tolist())}
    at = [place[row] for row in asked if row in place and counts[owners[place[row]]] >= FEWEST]
    if len(names) < 2 or not at:
        return {}
    texts = Index(tuple(map(str, names)), units[torch.from_numpy(kept)], torch.from_numpy(owners))
    near = _nearness(texts, torch.tensor(at))
    own = torch.from_numpy(owners[at])[:, None]
    best, other = near.scatter(1, own, -2.0).max(1)
    doubted = best - near.gather(1, own)[:, 0] > MARGIN
    return {int(kept[at[i]]): int(names[other[i]]) for i in torch.nonzero(doubted)[:, 0].tolist()}


def _nearness(texts: Index, at: Tensor) -> Tensor:
    """Return `[A, C]`: how near each of the texts numbered `at` is to each label, itself left out."""
    queries, own = texts.vectors[at], texts.owners[at]
    cosines = queries @ texts.vectors.T
    cosines[torch.arange(len(at)), at] = -2.0
    nearest = torch.full((len(at), len(texts.labels)), -2.0)
    nearest = nearest.scatter_reduce(1, texts.owners.expand(len(at), -1), cosines, "amax")
    centre = normalize(texts.sums[own] - queries, dim=-1)
    centres = (queries @ texts.centres.T).scatter(1, own[:, None], (queries * centre).sum(-1, keepdim=True))
    return (nearest + centres) / 2
