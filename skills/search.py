"""Scoring every article of a desk for one message, in a time that grows slowly with the desk.

A label's score is (cosine to its nearest passage + cosine to its centre) / 2 - crowding, which is the greatest
product of the query with (passage + centre) / 2: one matrix to read instead of two. A small desk's is read whole.
Of a large one only the first principal directions are read, and the best of that are scored exactly.
Words: C labels, M passages, H numbers in a vector, N messages with two queries each.
"""

import numpy as np
import torch
from torch import Tensor

NO_PASSAGE = -1.0
CROWDED = 0.05
"""What an article's score loses for each e-fold of its passages. The best of many passages is near by chance:
without it, an article nobody asked about yet loses to its often-asked neighbours (docs/decisions/0008)."""
READ_WHOLE = 6000
"""Passages up to which a desk's search is exact (docs/decisions/0018)."""
DIRECTIONS = 80
SHORTLIST = 500
"""Labels of a large desk that are scored exactly for a message."""
SAMPLE = 20000
"""Passages that principal directions are found from."""
SHORTEST = 1e-12
"""Length that a query of nothing is taken for."""
AT_ONCE = 8
"""Messages whose product is held at once."""


def crowding(counts: Tensor) -> Tensor:
    """Return what labels with these many passages lose, of the same shape; 0 for one or none."""
    return CROWDED * counts.clamp_min(1).log()


class Search:
    """A desk's passages laid out for searching; never changed once made.

    `matrix` is `[H or DIRECTIONS, M + labels without a passage]`: a column for each label's first passage, in the
    order of labels, then one for each further passage, whose labels are `further`. `offsets` are what is added to the
    product of each column.
    """

    def __init__(self, vectors: Tensor, owners: Tensor, labels: int) -> None:
        self._vectors, self._counts = vectors, torch.bincount(owners, minlength=labels)
        self._order = owners.argsort(stable=True)
        self._starts = self._counts.cumsum(0) - self._counts
        sums = torch.zeros(labels, vectors.shape[1]).index_add(0, owners, vectors)
        self._lengths = sums.norm(dim=-1).clamp_min(SHORTEST)
        self._empty = (self._counts == 0).nonzero()[:, 0]
        self._crowding = crowding(self._counts)
        self._basis = principal_directions(vectors) if is_large(len(vectors), labels) else None
        self._matrix, self._further = self._lay_out(owners, sums / self._lengths[:, None])
        self._offsets = -torch.cat([self._crowding, self._crowding[self._further]])
        self._offsets[self._empty] = NO_PASSAGE  # their columns are nought

    def opinions(self, tuned: Tensor, bare: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of tuned and bare queries `[N, H]`, both `[N, C]`."""
        queries = torch.cat([tuned, bare])
        # What normalize() gives in fewer steps, which count beside the product of a small desk.
        queries = queries / torch.linalg.vector_norm(queries, dim=-1, keepdim=True).clamp_min(SHORTEST)
        if self._basis is None:
            scores = self._product(queries)
            return scores[: len(tuned)], scores[len(tuned) :]
        pairs = torch.stack(queries.chunk(2), 1)  # [N, 2, H]
        parts = [pairs[at : at + AT_ONCE] for at in range(0, len(pairs), AT_ONCE)]
        scores = torch.cat([self._shortlisted(part, self._basis) for part in parts])
        return scores[:, 0], scores[:, 1]

    def _product(self, queries: Tensor) -> Tensor:
        """Return the matrix's scores `[N, C]` for queries `[N, H or DIRECTIONS]`."""
        raw = torch.addmm(self._offsets, queries, self._matrix)
        scores = raw[:, : len(self._counts)]
        if len(self._further):
            scores.scatter_reduce_(1, self._further.expand(len(raw), -1), raw[:, len(self._counts) :], "amax")
        return scores

    def _shortlisted(self, queries: Tensor, basis: Tensor) -> Tensor:
        """Return scores `[N, 2, C]` for queries `[N, 2, H]`: exact where either opinion of a message is highest."""
        scores = self._product((queries @ basis).flatten(0, 1)).view(len(queries), 2, -1)
        leads = (scores - scores.amax(2, keepdim=True)).amax(1)
        chosen = leads.topk(min(SHORTLIST, len(self._counts) - len(self._empty)), sorted=False).indices
        for row, columns in enumerate(chosen):
            scores[row, :, columns] = self._exact(queries[row], columns)
        return scores

    def _exact(self, queries: Tensor, columns: Tensor) -> Tensor:
        """Return exact scores `[2, K]` of labels that have passages."""
        counts = self._counts[columns]
        ends = counts.cumsum(0)
        first = (ends - counts).numpy()
        within = torch.arange(int(ends[-1])) + (self._starts[columns] - ends + counts).repeat_interleave(counts)
        cosines = (self._vectors.index_select(0, self._order[within]) @ queries.T).numpy()  # [passages, 2]
        nearest = torch.from_numpy(np.maximum.reduceat(cosines, first))
        centres = torch.from_numpy(np.add.reduceat(cosines, first)) / self._lengths[columns, None]
        scores: Tensor = (nearest + centres) / 2 - self._crowding[columns, None]
        return scores.T

    def _lay_out(self, owners: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """Return the matrix and the labels of its further columns."""
        halves = (self._vectors + centres[owners]) / 2
        if self._basis is not None:
            halves = halves @ self._basis
        filled = (self._counts > 0).nonzero()[:, 0]
        first = torch.zeros(len(self._counts), halves.shape[1])
        leading = self._order[self._starts[filled]]
        first[filled] = halves[leading]
        rest = torch.ones(len(owners), dtype=torch.bool)
        rest[leading] = False
        further = self._order[rest[self._order]]
        return torch.cat([first, halves[further]]).T.contiguous(), owners[further]


def is_large(passages: int, labels: int) -> bool:
    """Return whether reading all of a desk's passages would take longer than a shortlist."""
    return passages > READ_WHOLE and labels > 4 * SHORTLIST


def principal_directions(vectors: Tensor) -> Tensor:
    """Return `[H, DIRECTIONS]`: the orthonormal directions in which these vectors are longest."""
    sample = vectors[:: max(1, len(vectors) // SAMPLE)]
    directions: Tensor = torch.linalg.eigh(sample.T @ sample).eigenvectors[:, -DIRECTIONS:]
    return directions
