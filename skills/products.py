"""Products with frozen weights, laid out once as oneDNN multiplies them.

`functional.linear` lays a weight out anew for every product (bfloat16), or multiplies by MKL, which keeps to AVX2 on
other processors than Intel's (float32): docs/decisions/0023.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction, FunctionCtx
from torch.nn import functional


def multiplies(dtype: torch.dtype, device: torch.device) -> bool:
    """Return whether oneDNN is here and multiplies this number format on this processor."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    rough = dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001
    return bool(rough) or dtype == torch.float32


def lay_out(weight: Tensor) -> Tensor:
    """Return a weight `[out, in]` in oneDNN's blocks where it multiplies that, or as it is."""
    if not multiplies(weight.dtype, weight.device):
        return weight
    blocks: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, None)  # noqa: SLF001
    return blocks


def product(states: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return `states [..., in]` times a laid out weight `[out, in]`, plus the bias: `[..., out]`, no gradient."""
    if not weight.is_mkldnn:
        return functional.linear(states, weight, bias)
    multiplied: Tensor = torch.ops.mkldnn._linear_pointwise(states, weight, bias, "none", [], "")  # noqa: SLF001
    return multiplied


class _Through(torch.autograd.Function):
    """A product on the way up; on the way down, that of its gradient with the transposed weight."""

    @staticmethod
    def forward(ctx: FunctionCtx, states: Tensor, upward: Tensor, downward: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(downward)
        return product(states, upward, bias)

    @staticmethod
    def backward(ctx: BackwardCFunction, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        [downward], [gradient] = ctx.saved_tensors, gradients
        return product(gradient.contiguous(), downward), None, None, None


class FrozenLinear(nn.Module):
    """A linear layer whose states take a gradient and whose weights take none."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        self._upward, self._downward = lay_out(weight), lay_out(weight.t().contiguous())
        self._bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, states: Tensor) -> Tensor:
        """Return `[..., out]` of states `[..., in]`."""
        return _Through.apply(states, self._upward, self._downward, self._bias)  # type: ignore[no-any-return,no-untyped-call]
