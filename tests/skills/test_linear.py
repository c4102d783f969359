"""Maps whose weights are laid out once."""

import pytest
import torch
from torch.nn import functional

from skills.linear import Linear

SHAPES = [(1536, 384), (384, 1536), (7, 13), (1, 1)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_map_gives_its_weight_back_bit_for_bit(shape: tuple[int, int], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    weight, bias = torch.randn(shape, dtype=dtype), torch.randn(shape[0], dtype=dtype)
    map_ = Linear(weight, bias)
    assert torch.equal(map_.weight, weight)
    assert torch.equal(map_.bias, bias)


@pytest.mark.parametrize("rows", [1, 2, 64, 1000])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_map_gives_what_torch_gives(shape: tuple[int, int], rows: int) -> None:
    torch.manual_seed(0)
    weight, bias, states = torch.randn(shape), torch.randn(shape[0]), torch.randn(rows, shape[1])
    expected = functional.linear(states.double(), weight.double(), bias.double())
    assert (Linear(weight, bias)(states) - expected).abs().max() < 1e-5 * expected.abs().max()


def test_where_onednn_has_no_blocks_the_plain_weight_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    weight, bias, states = torch.randn(6, 4), torch.randn(6), torch.randn(3, 4)
    monkeypatch.setattr(torch._C, "_has_mkldnn", False)
    map_ = Linear(weight, bias)
    assert map_.weight is weight
    assert torch.equal(map_(states), functional.linear(states, weight, bias))
