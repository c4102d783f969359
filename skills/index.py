"""The passages of a desk's articles, embedded once by the bare backbone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import normalize

from skills.backbone import Backbone
from skills.skill import render

NO_PASSAGE = -1.0
CROWDED = 0.05
"""What an article's score loses for each e-fold of its passages. The best of many passages is near by chance:
without it, an article nobody asked about yet loses to its often-asked neighbours (docs/decisions/0008)."""


@dataclass(frozen=True)
class Index:
    """Every passage of a desk's articles: unit vectors `[M, H]` and the label each stands for `[M]`."""

    labels: tuple[str, ...]
    vectors: Tensor
    owners: Tensor

    def best(self, queries: Tensor) -> Tensor:
        """Return `[N, C]`: how near each query `[N, H]` is to each label.

        The mean of two cosines: to the label's nearest passage, and to the centre of all its passages, so that
        one odd phrasing does not decide alone; less what many passages win by chance.
        """
        scores = (self.nearest(queries) + normalize(queries, dim=-1) @ self.centres.T) / 2
        return torch.where(self.counts > 0, scores - crowding(self.counts), NO_PASSAGE)

    def nearest(self, queries: Tensor) -> Tensor:
        """Return `[N, C]`: the cosine of each query `[N, H]` to each label's nearest passage."""
        scores = torch.full((len(queries), len(self.labels)), NO_PASSAGE)
        if not len(self.vectors):
            return scores
        cosines = normalize(queries, dim=-1) @ self.vectors.T
        return scores.scatter_reduce(1, self.owners.expand(len(queries), -1), cosines, "amax")

    @cached_property
    def sums(self) -> Tensor:
        """`[C, H]`: the sum of each label's passages."""
        return torch.zeros(len(self.labels), self.vectors.shape[1]).index_add(0, self.owners, self.vectors)

    @cached_property
    def centres(self) -> Tensor:
        """`[C, H]`: the direction of each label's passages together."""
        return normalize(self.sums, dim=-1)

    @cached_property
    def counts(self) -> Tensor:
        """`[C]`: how many passages each label has."""
        return torch.bincount(self.owners, minlength=len(self.labels))

    def extended(self, vectors: Tensor, labels: Sequence[str]) -> "Index":
        """Return an index with more passages; those of labels it does not know are left out."""
        place = {label: i for i, label in enumerate(self.labels)}
        known = [i for i, label in enumerate(labels) if label in place]
        if not known:
            return self
        owners = torch.tensor([place[labels[i]] for i in known], dtype=torch.long)
        more = normalize(vectors[known].float(), dim=-1)
        return Index(self.labels, torch.cat([self.vectors, more]), torch.cat([self.owners, owners]))

    def without(self, labels: Collection[str]) -> "Index":
        """Return an index in which these labels have no passage, so that they are never the answer."""
        kept = torch.tensor([self.labels[owner] not in labels for owner in self.owners.tolist()], dtype=torch.bool)
        return Index(self.labels, self.vectors[kept], self.owners[kept])


def crowding(counts: Tensor) -> Tensor:
    """Return what labels with these many passages lose, of the same shape; 0 for one or none."""
    return CROWDED * counts.clamp_min(1).log()


def build_index(backbone: Backbone, passages: Mapping[str, Sequence[str]]) -> Index:
    """Embed every passage once with the bare backbone."""
    texts = [render(text) for group in passages.values() for text in group]
    owners = [place for place, group in enumerate(passages.values()) for _ in group]
    vectors = normalize(backbone.embed(texts), dim=-1) if texts else torch.empty(0, backbone.dimensions.hidden)
    return Index(tuple(passages), vectors, torch.tensor(owners, dtype=torch.long))
