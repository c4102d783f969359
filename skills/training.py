"""The training loop: the prefix and a small head learn, the backbone never does."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel

from skills.backbone import LONGEST_TEXT, Backbone, Row
from skills.noise import address, mistype
from skills.peft_prefix import PeftPrefix
from skills.recipe import Recipe

BUCKET = 8
"""Batches of similar length are cut from this many batches' worth of shuffled rows."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a run stands: `loss` of the last batch, `done` of `total` steps, seconds left."""

    epoch: int
    epochs: int
    loss: float
    done: int
    total: int
    seconds_left: float


OnStep = Callable[[Step], None]


class Objective(Protocol):
    """A trainable head: its parameters and the loss of a batch. `joins`: two texts read as one have a target."""

    joins: bool

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def loss(self, states: Tensor, rows: Sequence[int], partners: Sequence[int]) -> Tensor:
        """Return the mean loss of pooled states `[B, H]` of the examples numbered `rows`.

        Each was read together with its partner of the same place (itself: alone).
        """
        ...


class Clock:
    """Counts the steps of a whole tuning (cross-fitting included) and reports each."""

    def __init__(self, total: int, report: OnStep | None) -> None:
        self._total, self._report = total, report
        self._done, self._start = 0, time.monotonic()

    def tick(self, epoch: int, epochs: int, loss: float) -> None:
        """Report one step; the callback may raise TuningCancelled."""
        self._done += 1
        if self._report:
            spent = time.monotonic() - self._start
            left = spent / self._done * (self._total - self._done)
            self._report(Step(epoch, epochs, loss, self._done, self._total, left))


def steps_of(count: int, recipe: Recipe) -> int:
    """Return how many optimiser steps a run over `count` rows takes."""
    return recipe.epochs * -(-count // recipe.batch)


def train(
    backbone: Backbone,
    encoder: PreTrainedModel,
    texts: Sequence[str],
    objective: Objective,
    initial: Tensor,
    recipe: Recipe,
    seed: int,
    clock: Clock,
) -> Tensor:
    """Tune a prefix from `initial` `[U, 2, P, D]` on rendered texts; return the tuned one.

    `encoder` is `peft_prefix.load_for_training(backbone)`.

    AdamW, warm-up then linear decay to zero, clipped gradients, length-bucketed batches. The backbone
    stays in eval mode (`PeftModel.train()` would switch its dropout on) and gets no gradient.
    """
    torch.manual_seed(seed)
    chooser = random.Random(seed)  # noqa: S311 - shuffling, not secrets
    prefix = PeftPrefix(backbone, encoder, initial) if initial.shape[2] else None
    groups: list[dict[str, Any]] = [{"params": list(objective.parameters()), "lr": recipe.head_rate}]
    if prefix:
        groups.append({"params": [prefix.weight], "lr": recipe.prefix_rate})
    learnt = [parameter for group in groups for parameter in group["params"]]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    total = steps_of(len(texts), recipe)
    schedule = LambdaLR(optimizer, _warm_then_down(total, recipe.warmup))
    average = _Average(learnt, first=int(total * (1 - recipe.averaged)))
    for epoch in range(recipe.epochs):
        rows = read_as(backbone, texts, recipe, f"{seed} {epoch}")
        for batch in batches(rows, recipe.batch, chooser):
            partners = _partners(batch, rows, recipe.joined if objective.joins else 0.0, chooser)
            read = [_joined(rows, pair, chooser) for pair in zip(batch, partners, strict=True)]
            states = prefix.read(read) if prefix else backbone.forward([Row(tokens) for tokens in read])
            loss = objective.loss(states, batch, partners)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(learnt, recipe.clip)
            optimizer.step()
            schedule.step()
            average.take()
            clock.tick(epoch + 1, recipe.epochs, loss.item())
    average.settle()
    return prefix.tensor() if prefix else initial


def batches(rows: Sequence[tuple[int, ...]], size: int, chooser: random.Random) -> list[list[int]]:
    """Cut shuffled row numbers into batches of similar length, in random order."""
    order = list(range(len(rows)))
    chooser.shuffle(order)
    cut: list[list[int]] = []
    for start in range(0, len(order), size * BUCKET):
        bucket = sorted(order[start : start + size * BUCKET], key=lambda i: len(rows[i]))
        cut += [bucket[i : i + size] for i in range(0, len(bucket), size)]
    chooser.shuffle(cut)
    return cut


class _Average:
    """The running mean of parameters over the last steps of a run."""

    def __init__(self, parameters: Sequence[nn.Parameter], first: int) -> None:
        self._parameters, self._first = parameters, first
        self._means = [parameter.detach().clone() for parameter in parameters]
        self._steps = 0

    @torch.no_grad()
    def take(self) -> None:
        self._steps += 1
        taken = self._steps - self._first
        if taken > 0:
            for mean, parameter in zip(self._means, self._parameters, strict=True):
                mean.lerp_(parameter, 1 / taken)

    @torch.no_grad()
    def settle(self) -> None:
        for mean, parameter in zip(self._means, self._parameters, strict=True):
            parameter.copy_(mean)


def read_as(backbone: Backbone, texts: Sequence[str], recipe: Recipe, when: str) -> list[tuple[int, ...]]:
    """Return the token rows of an epoch: texts as somebody may have typed them, thinned out.

    What happens to a text depends on the text and on `when` alone, so that a few rows more do not change what
    training reads of all the others: fewer answers change from one retraining to the next.
    """
    choosers = [random.Random(f"{when} {text}") for text in texts]  # noqa: S311 - noise, not secrets
    typed = [_as_typed(text, recipe, chooser) for text, chooser in zip(texts, choosers, strict=True)]
    rows = backbone.tokenize(typed, recipe.prompt_tokens)
    return [thinned(row, recipe.word_dropout, chooser) for row, chooser in zip(rows, choosers, strict=True)]


def _as_typed(text: str, recipe: Recipe, chooser: random.Random) -> str:
    if chooser.random() < recipe.mistyped:
        text = mistype(text, chooser)
    return address(text, chooser) if chooser.random() < recipe.addressed else text


def _partners(batch: Sequence[int], rows: Sequence[tuple[int, ...]], share: float, chooser: random.Random) -> list[int]:
    """Draw whom each row of a batch is read together with: itself, or another text.

    A pair is no more than twice as long as the longest row: all rows of a batch are padded to the longest.
    """
    longest, partners = 2 * max(len(rows[row]) for row in batch), []
    for row in batch:
        other = chooser.randrange(len(rows)) if share and chooser.random() < share else row
        partners.append(other if len(rows[row]) + len(rows[other]) <= longest else row)
    return partners


def _joined(rows: Sequence[tuple[int, ...]], pair: tuple[int, int], chooser: random.Random) -> tuple[int, ...]:
    """Return what a step reads of a row: it alone, or behind or before its partner, if it has one."""
    first, second = (rows[i] for i in pair)
    if pair[0] == pair[1]:
        return first
    if chooser.random() < 0.5:
        first, second = second, first
    return (*first[:-1], *second[1:])[:LONGEST_TEXT]


def thinned(tokens: tuple[int, ...], share: float, chooser: random.Random) -> tuple[int, ...]:
    """Return a text's tokens, each left out with chance `share` but for the special ones at both ends."""
    kept = tuple(token for token in tokens[1:-1] if chooser.random() >= share)
    return (tokens[0], *kept, tokens[-1]) if kept else tokens


def _warm_then_down(total: int, warmup: float) -> Callable[[int], float]:
    warm = max(1, int(total * warmup))
    return lambda step: min((step + 1) / warm, max(0.0, (total - step) / max(1, total - warm)))
