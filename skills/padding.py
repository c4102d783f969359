"""Texts of different lengths as one rectangle, and what is computed of their real tokens alone."""

from collections.abc import Sequence

import torch
from torch import Tensor


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

    Padding is a fifth to a third of a batch of messages, and products are nine tenths of the work.
    """

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask
        self._places = None if bool(mask.all()) else mask.flatten().nonzero()[:, 0]

    def of(self, states: Tensor) -> Tensor:
        """`[B * T, …]` to `[N, …]`."""
        return states if self._places is None else states[self._places]

    def spread(self, states: Tensor) -> Tensor:
        """`[N, …]` to `[B * T, …]`, nought where there is padding."""
        if self._places is None:
            return states
        return states.new_zeros(self.mask.numel(), *states.shape[1:]).index_copy_(0, self._places, states)

    def repeated(self, states: Tensor, whose: Tensor) -> tuple[Tensor, "Texts"]:
        """Return the states of the texts that `whose` `[B]` names, and where those lie."""
        texts = Texts(self.mask[whose])
        padded = self.spread(states).view(*self.mask.shape, -1)[whose]
        return texts.of(padded.flatten(0, 1)), texts
