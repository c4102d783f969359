"""From pooled states to raw scores: two opinions a skill, each `[N, C]`.

A label skill scores by the cosine to learnt label vectors (prompt) and by logistic regression on the
frozen embedding (bare). A retrieval skill scores each article by its best passage, with the tuned query
(prompt) and the frozen one (bare). Heads may be stored in half precision; all of this is computed in float32.
"""

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import normalize

from skills.index import Index

Tensors = Mapping[str, Tensor]


def label_scores(head: Tensors, prompted: Tensor, bare: Tensor) -> tuple[Tensor, Tensor]:
    """Return prompt scores `scale * cos + bias` and probe scores, both `[N, C]`."""
    cosines = normalize(prompted, dim=-1) @ normalize(head["label.vectors"].float(), dim=-1).T
    prompt = head["label.scale"].float() * cosines + head["label.bias"].float()
    return prompt, normalize(bare, dim=-1) @ head["probe.vectors"].float().T + head["probe.bias"].float()


def project_query(head: Tensors, prompted: Tensor) -> Tensor:
    """Return tuned queries `[N, H]`: the pooled state plus a low-rank correction."""
    return prompted + prompted @ head["query.down"].float().T @ head["query.up"].float().T


def retrieval_scores(head: Tensors, index: Index, prompted: Tensor, bare: Tensor) -> tuple[Tensor, Tensor]:
    """Return how near each article is to the tuned query and to the frozen one, both `[N, C]`."""
    return index.search.opinions(project_query(head, prompted), bare)
