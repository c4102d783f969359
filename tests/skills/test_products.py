"""Products with frozen weights: the numbers and gradients of torch's own linear layer."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from skills.products import FrozenLinear, lay_out, multiplies, product

CPU = torch.device("cpu")


def drawn(*shape: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape))).to(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.03)])
@pytest.mark.parametrize("shape", [(1, 24), (7, 24), (3, 5, 24)])
def test_a_product_is_that_of_torch(shape: tuple[int, ...], dtype: torch.dtype, tolerance: float) -> None:
    states, weight, bias = drawn(*shape, dtype=dtype), drawn(40, 24, dtype=dtype), drawn(40, dtype=dtype)
    laid = lay_out(weight)
    assert laid.is_mkldnn == multiplies(dtype, CPU)
    for added in (bias, None):
        torch.testing.assert_close(
            product(states, laid, added), functional.linear(states, weight, added), atol=tolerance, rtol=tolerance
        )


def test_a_weight_that_onednn_does_not_multiply_stays_as_it_is() -> None:
    weight = drawn(4, 4, dtype=torch.float64)
    assert lay_out(weight) is weight
    assert product(weight, weight).dtype == torch.float64
    assert not multiplies(torch.float32, torch.device("meta"))


@pytest.mark.parametrize("bias", [True, False])
def test_a_frozen_layer_passes_the_gradient_on_and_takes_none(bias: bool) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(24, 40, bias=bias)
    frozen = FrozenLinear(linear)
    assert not list(frozen.parameters())
    found = []
    for layer in (linear, frozen):
        states = drawn(3, 5, 24, dtype=torch.float32).requires_grad_()
        read = layer(states)
        (read.transpose(0, 1) ** 2).sum().backward()
        found.append((read.detach(), states.grad))
    torch.testing.assert_close(found[1], found[0])
