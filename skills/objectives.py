"""What is minimised: the trainable head of each shape of skill, with the loss of a batch."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, normalize

from skills.index import Index
from skills.search import crowding
from skills.skill import Example, Skill
from skills.targets import NONE, UNKNOWN, encode

FIRST_SCALE = 20.0
QUERY_RANK = 16
SILENT = -2.0
UNASKED = 0.25
"""Share of a search's training steps in which a query's article has its own passages alone."""


class LabelObjective(nn.Module):
    """Cosine head: label vectors `[C, H]`, bias `[C]`, one scale an axis.

    Label vectors start at class means of the untuned states (the difference of the two means for labels
    that hold or not on their own). A row known to be out of scope is pulled towards the uniform
    distribution over the labels (outlier exposure, Hendrycks et al. 2019).
    """

    def __init__(self, skill: Skill, examples: Sequence[Example], states: Tensor) -> None:
        super().__init__()
        self._skill = skill
        self.joins = not any(axis.exclusive for axis in skill.axes)
        self._targets = {axis.name: torch.from_numpy(encode(axis, examples)) for axis in skill.axes}
        self.scales = nn.Parameter(torch.full((len(skill.axes),), math.log(FIRST_SCALE)))
        vectors, bias = zip(*(self._start(i, normalize(states, dim=-1)) for i in range(len(skill.axes))), strict=True)
        self.vectors = nn.Parameter(torch.cat(vectors))
        self.bias = nn.Parameter(torch.cat(bias))

    def loss(self, states: Tensor, rows: Sequence[int], partners: Sequence[int]) -> Tensor:
        """Return the sum over axes of the mean loss of the rows that have a say on them."""
        scores = self._scores(states)
        parts = []
        for axis in self._skill.axes:
            known = self._targets[axis.name]
            target = known[list(rows)]
            if self.joins:
                target = _either(target, known[list(partners)])
            logits = scores[:, self._skill.columns(axis)]
            parts.append(_exclusive_loss(logits, target) if axis.exclusive else _binary_loss(logits, target))
        return torch.stack(parts).sum()

    def tensors(self) -> dict[str, Tensor]:
        """Return the head as stored: `label.vectors`, `label.bias`, `label.scale`, all per label."""
        return {
            "label.vectors": self.vectors.detach().clone(),
            "label.bias": self.bias.detach().clone(),
            "label.scale": self._scale().detach().clone(),
        }

    def _scale(self) -> Tensor:
        sizes = torch.tensor([len(axis.labels) for axis in self._skill.axes])
        return self.scales.exp().repeat_interleave(sizes)

    def _scores(self, states: Tensor) -> Tensor:
        cosines = normalize(states, dim=-1) @ normalize(self.vectors, dim=-1).T
        return self._scale() * cosines + self.bias

    def _start(self, number: int, units: Tensor) -> tuple[Tensor, Tensor]:
        axis = self._skill.axes[number]
        target = self._targets[axis.name]
        if axis.exclusive:
            member = torch.stack([target == label for label in range(len(axis.labels))]).float()  # [C, N]
            return _mean(member, units), torch.zeros(len(axis.labels))
        held, not_held = (target.T == 1).float(), (target.T == 0).float()
        prior = (held.sum(1) + 1) / (held.sum(1) + not_held.sum(1) + 2)
        return normalize(_mean(held, units) - _mean(not_held, units), dim=-1), torch.logit(prior)


class RetrievalObjective(nn.Module):
    """A low-rank query correction, learnt so that a query's own article outranks the others.

    Every example has an article. What a query is compared with are the passages of the articles and the
    other training queries; it never meets itself, and at random none of its article's other queries either:
    a new article, which nobody asked about, must be found by its title.
    """

    joins = False

    def __init__(self, index: Index, examples: Sequence[Example], bare: Tensor) -> None:
        super().__init__()
        place = {label: i for i, label in enumerate(index.labels)}
        wanted = [str(example.target["article"]) for example in examples]
        self._targets = torch.tensor([place[label] for label in wanted])
        self._passages = len(index.vectors)
        self._articles = index
        self._index = index.extended(bare, wanted)
        hidden = bare.shape[1]
        # The same start for every seed: a seed stands for the order of the data, not for another network.
        start = torch.randn(QUERY_RANK, hidden, generator=torch.Generator().manual_seed(0))
        self.down = nn.Parameter(start * 0.02)
        self.up = nn.Parameter(torch.zeros(hidden, QUERY_RANK))
        self.scale = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))

    def loss(self, states: Tensor, rows: Sequence[int], _partners: Sequence[int]) -> Tensor:
        """Return the mean cross-entropy over articles of the rows that have one."""
        queries = normalize(states + states @ self.down.T @ self.up.T, dim=-1)
        targets, own = self._targets[list(rows)], self._passages + torch.tensor(list(rows))
        unasked = (torch.rand(len(rows)) < UNASKED) & (self._articles.counts[targets] > 0)
        asked = torch.arange(len(self._index.vectors)) >= self._passages
        hide = unasked[:, None] & asked & (self._index.owners == targets[:, None])
        hide[torch.arange(len(rows)), own] = True
        cosines = (queries @ self._index.vectors.T).masked_fill(hide, SILENT)
        nearest = torch.full((len(rows), len(self._index.labels)), SILENT)
        nearest = nearest.scatter_reduce(1, self._index.owners.expand(len(rows), -1), cosines, "amax")
        left = torch.where(unasked, self._articles.counts[targets], self._index.counts[targets] - 1)
        counts = self._index.counts.expand(len(rows), -1).scatter(1, targets[:, None], left[:, None])
        known = self._index.sums[targets] - self._index.vectors[own]
        centre = normalize(torch.where(unasked[:, None], self._articles.sums[targets], known), dim=-1)
        centres = queries @ self._index.centres.T
        centres = centres.scatter(1, targets[:, None], (queries * centre).sum(-1, keepdim=True))
        return _exclusive_loss(self.scale.exp() * ((nearest + centres) / 2 - crowding(counts)), targets)

    def tensors(self) -> dict[str, Tensor]:
        """Return the head as stored: `query.down` `[r, H]`, `query.up` `[H, r]`."""
        return {"query.down": self.down.detach().clone(), "query.up": self.up.detach().clone()}


def _exclusive_loss(logits: Tensor, target: Tensor) -> Tensor:
    logs = log_softmax(logits, dim=-1)
    losses = torch.where(target == NONE, -logs.mean(-1), -logs.gather(1, target.clamp_min(0)[:, None])[:, 0])
    return _masked_mean(losses, target != UNKNOWN)


def _binary_loss(logits: Tensor, target: Tensor) -> Tensor:
    losses = binary_cross_entropy_with_logits(logits, target.clamp_min(0).float(), reduction="none")
    return _masked_mean(losses, target != UNKNOWN)


def _either(one: Tensor, other: Tensor) -> Tensor:
    """Return what holds of two texts read as one: true if either is, false if both are, else unknown."""
    unknown = (one == UNKNOWN) | (other == UNKNOWN)
    return torch.where((one == 1) | (other == 1), 1, torch.where(unknown, UNKNOWN, 0))


def _masked_mean(losses: Tensor, known: Tensor) -> Tensor:
    return (losses * known).sum() / known.sum().clamp_min(1)


def _mean(member: Tensor, units: Tensor) -> Tensor:
    return normalize(member @ units / member.sum(1, keepdim=True).clamp_min(1), dim=-1)
