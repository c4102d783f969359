"""The same code on a GPU: serving, mixed batches, tuning."""

from pathlib import Path

import pytest
import torch

from skills.backbone import Backbone, Row
from skills.errors import BackboneUnusable
from skills.loading import load_backbone
from skills.peft_prefix import PeftPrefix, load_for_training

TEXTS = ["my card still has not come", "no", "why was I charged twice for the same coffee on Tuesday?"]
CLOSE = 1e-3
"""Largest difference of a float32 state element between a processor and a GPU (which may round products to TF32)."""
with_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that torch can use")


@with_gpu
def test_a_mixed_batch_reads_the_same_on_a_gpu(exact_backbone: Backbone) -> None:
    there = load_backbone(precision="float32", device="cuda")
    assert there.fingerprint == exact_backbone.fingerprint
    torch.manual_seed(0)
    sizes = there.dimensions
    prefixes = [torch.randn(layers, 2, length, sizes.width) for layers, length in ((sizes.layers, 8), (4, 3))]
    rows = [Row(t, p) for t, p in zip(there.tokenize(TEXTS), [*prefixes, None], strict=True)]
    states = there.forward(rows)
    assert states.device.type == "cpu"
    assert (states - exact_backbone.forward(rows)).abs().max() < CLOSE
    there.verify()


@with_gpu
def test_the_gpus_own_precision_reads_nearly_the_same(exact_backbone: Backbone) -> None:
    states = load_backbone(device="cuda").embed(TEXTS)
    assert torch.cosine_similarity(states, exact_backbone.embed(TEXTS)).min() > 0.999


@with_gpu
def test_tuning_on_a_gpu_reads_what_it_serves() -> None:
    there = load_backbone(precision="float32", device="cuda")
    sizes = there.dimensions
    prefix = torch.randn(4, 2, 8, sizes.width)
    trained = PeftPrefix(there, load_for_training(there), prefix)
    tokens = there.tokenize(TEXTS)
    read = trained.read(tokens)
    read.sum().backward()
    assert trained.weight.grad is not None
    assert (read.detach() - there.forward([Row(t, prefix) for t in tokens])).abs().max() < CLOSE


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_one_sentence_says_so(tiny_folder: Path) -> None:
    with pytest.raises(BackboneUnusable, match="FROSTDESK_DEVICE=cpu"):
        load_backbone(str(tiny_folder), device="cuda")
