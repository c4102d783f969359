"""The passages of a desk's articles, embedded once by the bare backbone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import normalize

from skills.backbone import Backbone
from skills.search import NO_PASSAGE, Search, crowding
from skills.skill import render


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
    def search(self) -> Search:
        """The passages laid out for searching; made once, at the latest by the first search."""
        return Search(self.vectors, self.owners, len(self.labels))

    def ready(self) -> "Index":
        """Return the index with its search laid out, so that the first message need not wait for it."""
        _ = self.search
        return self

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Each label's place in `labels`."""
        return {label: place for place, label in enumerate(self.labels)}

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
        known = [i for i, label in enumerate(labels) if label in self.places]
        if not known:
            return self
        owners = torch.tensor([self.places[labels[i]] for i in known], dtype=torch.long)
        more = normalize(vectors[known].float(), dim=-1)
        return Index(self.labels, torch.cat([self.vectors, more]), torch.cat([self.owners, owners]))


def build_index(
    backbone: Backbone,
    passages: Mapping[str, Sequence[str]],
    embed: Callable[[Sequence[str]], Tensor] | None = None,
) -> Index:
    """Embed every passage once with the bare backbone, or by `embed` where embeddings are kept."""
    texts = [render(text) for group in passages.values() for text in group]
    owners = [place for place, group in enumerate(passages.values()) for _ in group]
    vectors = (
        normalize((embed or backbone.embed)(texts), dim=-1) if texts else torch.empty(0, backbone.dimensions.hidden)
    )
    return Index(tuple(passages), vectors, torch.tensor(owners, dtype=torch.long))
