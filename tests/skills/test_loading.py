"""Loading, fingerprints and the choice of number format."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from skills.backbone import Backbone
from skills.encoder import Encoder
from skills.errors import BackboneUnusable
from skills.loading import load_backbone

KNOWN = "f4920d29c9835768a972abe24a33978d754fb508cf66f69afd0fe6ba3d413f37"
"""The default backbone's fingerprint; the shipped prompts are bound to it."""


def test_the_default_backbone_is_the_one_the_demo_was_tuned_for(backbone: Backbone) -> None:
    assert backbone.fingerprint == KNOWN


def test_the_fingerprint_does_not_depend_on_the_number_format() -> None:
    assert {load_backbone(precision=p).fingerprint for p in ("float32", "bfloat16")} == {KNOWN}  # type: ignore[arg-type]


def test_one_other_weight_is_another_fingerprint(tiny_folder: Path, tiny: Backbone, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "copy"))
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][5, 5] += 1e-4
    save_file(weights, folder / "model.safetensors")
    assert load_backbone(str(folder), "float32").fingerprint != tiny.fingerprint


def test_auto_precision_reads_the_same_as_float32(backbone: Backbone, exact_backbone: Backbone) -> None:
    texts = ["my card still has not come", "a completely different thing"]
    cosines = torch.cosine_similarity(backbone.embed(texts), exact_backbone.embed(texts))
    assert cosines.min() > 0.999


def test_a_busy_machine_does_not_change_the_choice_of_the_number_format(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, interrupted = [0.0], iter([10.0] * 6 + [0.0] * 99)
    read = Encoder.states

    def timed(encoder: Encoder, *batch: Any) -> Any:
        clock[0] += 1.0 + next(interrupted) if encoder.dtype == torch.bfloat16 else 2.0
        return read(encoder, *batch)

    monkeypatch.setattr(Encoder, "states", timed)
    monkeypatch.setattr("skills.loading.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert load_backbone().dtype == torch.bfloat16


def test_a_network_that_takes_no_prefixes_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "copy"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "distilbert"}))
    with pytest.raises(BackboneUnusable, match="family 'distilbert'"):
        load_backbone(str(folder))


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(tiny_folder: Path, tmp_path: Path, missing: str) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "copy"))
    (folder / missing).unlink()
    with pytest.raises(BackboneUnusable):
        load_backbone(str(folder))


def test_a_damaged_weight_file_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_folder, tmp_path / "copy"))
    (folder / "model.safetensors").write_bytes(b"not a safetensors file")
    with pytest.raises(BackboneUnusable, match="is no backbone"):
        load_backbone(str(folder))
