"""Memory that long-lived tensors have to themselves.

Loading a prompt takes several times its size for a moment. Where the prompt stays among what is freed again, the
process keeps a third more than it uses, for the allocator cannot give back the holes (docs/decisions/0020).
"""

import mmap
from collections.abc import Mapping

import torch
from torch import Tensor

ALIGNED = 64


def settle(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies that share one block of whole pages; it is given back when the last of them is gone."""
    room = {name: -(-tensor.nbytes // ALIGNED) * ALIGNED for name, tensor in tensors.items()}
    block = mmap.mmap(-1, max(ALIGNED, sum(room.values())))
    settled, start = {}, 0
    for name, tensor in tensors.items():
        kept = tensor
        if tensor.numel():
            flat = torch.frombuffer(block, dtype=tensor.dtype, count=tensor.numel(), offset=start)
            kept = flat.view(tensor.shape).copy_(tensor)
        settled[name] = kept
        start += room[name]
    return settled
