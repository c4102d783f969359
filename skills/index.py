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


@dataclass(frozen=True)
class Index:
    """Every passage of a desk's articles: unit vectors `[M, H]` and the label each stands for `[M]`."""

    labels: tuple[str, ...]
    vectors: Tensor
    owners: Tensor

    def best(self, queries: Tensor) -> Tensor:
        """Return `[N, C]`: how near each query `[N, H]` is to each label.

        The mean of two cosines: to the label's nearest passage, and to the centre of all its passages. One
        odd phrasing then does not decide alone (docs/decisions/0008).
        """
        units = normalize(queries, dim=-1)
        centres = torch.where(self.counts > 0, units @ normalize(self.sums, dim=-1).T, NO_PASSAGE)
        return (self.nearest(queries) + centres) / 2

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


def build_index(backbone: Backbone, passages: Mapping[str, Sequence[str]]) -> Index:
    """Embed every passage once with the bare backbone."""
    texts = [render(text) for group in passages.values() for text in group]
    owners = [place for place, group in enumerate(passages.values()) for _ in group]
    vectors = normalize(backbone.embed(texts), dim=-1) if texts else torch.empty(0, backbone.dimensions.hidden)
    return Index(tuple(passages), vectors, torch.tensor(owners, dtype=torch.long))
