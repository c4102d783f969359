"""The identity of a backbone: one digest over its weights and its vocabulary."""

import hashlib
import json
from collections.abc import Mapping

import torch
from torch import Tensor


def digest_tensors(tensors: Mapping[str, Tensor], extra: bytes = b"") -> str:
    """Return the sha256 hex digest over sorted (name, dtype, shape, bytes), then `extra`."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach()
        tensor = (tensor.to_dense() if tensor.is_mkldnn else tensor).contiguous().cpu()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    digest.update(extra)
    return digest.hexdigest()


def vocabulary_bytes(vocabulary: Mapping[str, int]) -> bytes:
    """Return the token table as canonical bytes, so another tokenizer is another backbone."""
    return json.dumps(sorted(vocabulary.items()), ensure_ascii=True).encode()
