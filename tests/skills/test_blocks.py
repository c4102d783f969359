"""Tensors in a block of their own."""

import torch

from skills.blocks import ALIGNED, settle


def test_what_settles_is_the_same_and_independent() -> None:
    before = {"a": torch.arange(6, dtype=torch.float16).view(2, 3), "none": torch.empty(0, 4), "b": torch.ones(5)}
    after = settle(before)
    assert list(after) == list(before)
    for name, tensor in before.items():
        assert (after[name].dtype, after[name].shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(after[name], tensor)
    before["a"].zero_()
    assert after["a"][1, 2] == 5
    assert after["b"].data_ptr() - after["a"].data_ptr() == ALIGNED
