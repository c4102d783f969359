"""Texts of different lengths as one rectangle, and what is computed of their real tokens alone."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad as pad_rows


def pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return token ids and their mask, both `[B, T]`; what stands in padded places is never seen."""
    longest = max(len(row) for row in rows)
    tokens = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], dtype=torch.long)
    lengths = torch.tensor([len(row) for row in rows])
    return tokens, (torch.arange(longest) < lengths[:, None]).long()


def pool(states: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of `[B, T, H]` over real tokens as `[B, H]`, float32."""
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(1) / weights.sum(1).clamp_min(1.0)


class Texts:
    """Where the real tokens of a padded batch lie: products are taken of those alone, attention of the whole.

    Padding is a fifth to a third of a batch of messages, and products are nine tenths of the work. `rounded`: products
    are taken of a round number of tokens (`round_up`), the last ones counting for nothing.
    """

    def __init__(self, mask: Tensor, rounded: bool = False) -> None:
        self.mask, self._rounded = mask, rounded
        whole = bool(mask.all())
        self._places = None if whole else mask.flatten().nonzero()[:, 0]
        self._count = mask.numel() if self._places is None else len(self._places)
        self._further = round_up(self._count) - self._count if rounded else 0

    def of(self, states: Tensor) -> Tensor:
        """`[B * T, …]` to `[N, …]`."""
        real = states if self._places is None else states[self._places]
        return pad_rows(real, (0, 0, 0, self._further)) if self._further else real

    def spread(self, states: Tensor) -> Tensor:
        """`[N, …]` to `[B * T, …]`, nought where there is padding."""
        real = states[: self._count]
        if self._places is None:
            return real
        return states.new_zeros(self.mask.numel(), *states.shape[1:]).index_copy_(0, self._places, real)

    def repeated(self, states: Tensor, whose: Tensor) -> tuple[Tensor, "Texts"]:
        """Return the states of the texts that `whose` `[B]` names, and where those lie."""
        texts = Texts(self.mask[whose], self._rounded)
        padded = self.spread(states).view(*self.mask.shape, -1)[whose]
        return texts.of(padded.flatten(0, 1)), texts


def round_up(tokens: int) -> int:
    """Return the next of few numbers: a multiple of 8, above 128 of 32, above 512 of 64."""
    step = 8 if tokens <= 128 else 32 if tokens <= 512 else 64
    return -(-tokens // step) * step
