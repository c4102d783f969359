"""A frozen linear map, its weight laid out once for the products that are taken with it."""

import torch
from torch import Tensor
from torch.nn import functional


class Linear:
    """`x @ weight.T + bias`, `weight` `[O, I]`, `bias` `[O]`.

    Where oneDNN can, the weight is kept in the blocks that its products read, and in no other form: a product with
    a plain weight reads it row by row, which costs a short message up to half of its time (docs/decisions/0019).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self._weight, self.bias = _in_blocks(weight), bias

    @property
    def weight(self) -> Tensor:
        """`[O, I]`: bit for bit what was given."""
        return self._weight.to_dense() if self._weight.is_mkldnn else self._weight

    def __call__(self, states: Tensor) -> Tensor:
        """Return `[N, O]` of `[N, I]`."""
        if not self._weight.is_mkldnn:
            return functional.linear(states, self._weight, self.bias)
        product: Tensor = torch.ops.mkldnn._linear_pointwise(states, self._weight, self.bias, "none", [], "")  # noqa: SLF001
        return product


def _in_blocks(weight: Tensor) -> Tensor:
    """Return the weight in oneDNN's blocks, or as it is where there are none for its device, format or processor."""
    if weight.device.type != "cpu" or not torch._C._has_mkldnn:  # noqa: SLF001
        return weight
    try:
        packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight)  # noqa: SLF001
    except RuntimeError:  # bfloat16 on a processor that cannot
        return weight
    return packed
