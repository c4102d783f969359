"""Changing one number of a backbone in memory."""

import torch

from skills.backbone import Backbone
from skills.products import lay_out


def alter_one_number(backbone: Backbone, name: str, by: float = 1e-3) -> None:
    """Add to the first number of a weight `[out, in]`, laid out or as it was loaded."""
    weight = backbone.encoder.tensors()[name]
    change = torch.zeros(weight.shape, dtype=weight.dtype)
    change[0, 0] = by
    weight.add_(lay_out(change) if weight.is_mkldnn else change)
