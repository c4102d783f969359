"""A stored prompt is what it says it is, or it is refused in one sentence."""

import hashlib
import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peft import PeftModel
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from transformers import AutoModel, PreTrainedModel

from skills.backbone import Backbone, Row
from skills.checkpoint import CONFIG, HEAD, MANIFEST, PREFIX, pack, read_files, unpack
from skills.errors import PromptRefused
from skills.padding import pad
from skills.peft_prefix import load_for_training, uppermost
from skills.prompt import SoftPrompt


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def resealed(files: dict[str, bytes], **changes: Any) -> tuple[str, bytes]:
    """Forge: change files, then make every sha256 and the digest fit again."""
    manifest = json.loads(files[MANIFEST]) | changes
    manifest["files"] = {n: hashlib.sha256(files[n]).hexdigest() for n in (PREFIX, CONFIG, HEAD)}
    files = files | {MANIFEST: json.dumps(manifest).encode()}
    return hashlib.sha256(files[MANIFEST]).hexdigest(), zipped(files)


def test_keeping_half_precision_in_memory_changes_no_score(label_prompt: SoftPrompt, tiny: Backbone) -> None:
    digest, content = pack(label_prompt, tiny.dimensions)
    kept = unpack(content, digest, tiny)
    wide = replace(kept, prefix=kept.prefix.float(), head={name: tensor.float() for name, tensor in kept.head.items()})
    texts = ["my card is lost", "thank you"]
    both = [prompt.scores(tiny.embed(texts, prompt.prefix), tiny.embed(texts)) for prompt in (kept, wide)]
    assert kept.prefix.dtype == torch.float16
    for ours, theirs in zip(*both, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("which", ["label_prompt", "search_prompt"])
def test_a_loaded_prompt_is_one_block_of_no_more_than_its_tensors(
    which: str, tiny: Backbone, request: pytest.FixtureRequest
) -> None:
    digest, content = pack(request.getfixturevalue(which), tiny.dimensions)
    loaded = unpack(content, digest, tiny)
    tensors = [loaded.prefix, *loaded.head.values()]
    assert len({tensor.untyped_storage().data_ptr() for tensor in tensors}) == 1
    assert loaded.prefix.untyped_storage().nbytes() == sum(tensor.nbytes for tensor in tensors)
    assert pack(loaded, tiny.dimensions) == (digest, content)


@pytest.mark.parametrize("which", ["label_prompt", "search_prompt"])
def test_what_is_stored_comes_back(which: str, tiny: Backbone, request: pytest.FixtureRequest) -> None:
    prompt: SoftPrompt = request.getfixturevalue(which)
    digest, content = pack(prompt, tiny.dimensions)
    loaded = unpack(content, digest, tiny)
    assert torch.equal(loaded.prefix, prompt.prefix.half())
    for name, tensor in prompt.head.items():
        assert torch.equal(loaded.head[name], tensor.half())
    same = (
        "skill",
        "kind",
        "instruction",
        "axes",
        "calibration",
        "positions",
        "bank_labels",
        "scorecard",
        "lineage",
    )
    assert all(getattr(loaded, field) == getattr(prompt, field) for field in same)
    assert pack(loaded, tiny.dimensions) == (digest, content)


def in_peft(encoder: PreTrainedModel, content: bytes, folder: Path) -> PeftModel:
    """Load a packed prompt with PEFT's own loader."""
    for name, file in read_files(content).items():
        (folder / name).write_bytes(file)
    with pytest.warns(FutureWarning, match="gradient_checkpointing"):
        return PeftModel.from_pretrained(encoder, str(folder)).eval()


def test_peft_loads_what_we_store(label_prompt: SoftPrompt, tiny: Backbone, tmp_path: Path) -> None:
    digest, content = pack(label_prompt, tiny.dimensions)
    model = in_peft(AutoModel.from_pretrained(tiny.path, add_pooling_layer=False).eval(), content, tmp_path)
    tokens = tiny.tokenize(["my card"])[0]
    with torch.no_grad():
        theirs = model(input_ids=torch.tensor([tokens])).last_hidden_state.mean(1)[0]
    ours = tiny.forward([Row(tokens, unpack(content, digest, tiny).prefix, "after_prefix")])[0]
    assert (theirs - ours).abs().max() < 5e-6


def test_peft_loads_a_prompt_of_the_upper_layers_onto_those(
    label_prompt: SoftPrompt, tiny: Backbone, tmp_path: Path
) -> None:
    late = replace(label_prompt, prefix=label_prompt.prefix[1:])
    digest, content = pack(late, tiny.dimensions)
    model = in_peft(uppermost(load_for_training(tiny), 1), content, tmp_path)
    tokens, mask = pad(tiny.tokenize(["my card"]))
    with torch.no_grad():
        theirs = model(inputs_embeds=tiny.encoder.entering(tokens, mask, 1), attention_mask=mask)
    prefix = unpack(content, digest, tiny).prefix
    assert len(prefix) == 1
    ours = tiny.forward([Row(tuple(tokens[0].tolist()), prefix)])[0]
    assert (theirs.last_hidden_state.mean(1)[0] - ours).abs().max() < 5e-6


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_a_file_is_refused(data: st.DataObject, label_prompt: SoftPrompt, tiny: Backbone) -> None:
    digest, content = pack(label_prompt, tiny.dimensions)
    files = read_files(content)
    name = data.draw(st.sampled_from([PREFIX, CONFIG, HEAD, MANIFEST]))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    changed = bytearray(files[name])
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PromptRefused):
        unpack(zipped(files | {name: bytes(changed)}), digest, tiny)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300))
def test_bytes_that_are_no_prompt_are_refused(content: bytes, tiny: Backbone) -> None:
    with pytest.raises(PromptRefused):
        unpack(content, "0" * 64, tiny)


class TestForgeries:
    """Everything fits together again, but the content is not what is served."""

    def refused(self, files: dict[str, bytes], tiny: Backbone, words: str, **changes: Any) -> None:
        digest, content = resealed(files, **changes)
        with pytest.raises(PromptRefused, match=words):
            unpack(content, digest, tiny)

    @pytest.fixture
    def files(self, label_prompt: SoftPrompt, tiny: Backbone) -> dict[str, bytes]:
        return read_files(pack(label_prompt, tiny.dimensions)[1])

    def test_another_backbone(self, files: dict[str, bytes], tiny: Backbone) -> None:
        self.refused(files, tiny, "another backbone", fingerprint="f" * 64)

    def test_a_fifth_file(self, files: dict[str, bytes], tiny: Backbone) -> None:
        self.refused(files | {"extra.bin": b"x"}, tiny, "four files")

    def test_a_pickle(self, files: dict[str, bytes], tiny: Backbone) -> None:
        self.refused(files | {HEAD: pickle.dumps({"label.bias": [1]})}, tiny, "not a safetensors file")

    def test_an_extra_tensor(self, files: dict[str, bytes], tiny: Backbone) -> None:
        head = load_tensors(files[HEAD]) | {"more": torch.zeros(1)}
        self.refused(files | {HEAD: save_tensors(head)}, tiny, "the manifest needs")

    def test_a_head_of_another_size(self, files: dict[str, bytes], tiny: Backbone) -> None:
        head = load_tensors(files[HEAD]) | {"label.bias": torch.zeros(9)}
        self.refused(files | {HEAD: save_tensors(head)}, tiny, "the manifest needs")

    def test_a_prefix_of_another_shape(self, files: dict[str, bytes], tiny: Backbone) -> None:
        prefix = save_tensors({"prompt_embeddings": torch.zeros(8, 100)})
        self.refused(files | {PREFIX: prefix}, tiny, r"need \[P, 128\]")

    def test_a_number_that_is_none(self, files: dict[str, bytes], tiny: Backbone) -> None:
        head = load_tensors(files[HEAD])
        head["label.bias"][0] = float("nan")
        self.refused(files | {HEAD: save_tensors(head)}, tiny, "not finite")

    def test_integers(self, files: dict[str, bytes], tiny: Backbone) -> None:
        head = load_tensors(files[HEAD]) | {"label.bias": torch.zeros(4, dtype=torch.int64)}
        self.refused(files | {HEAD: save_tensors(head)}, tiny, "only floating point")

    def test_another_peft_method(self, files: dict[str, bytes], tiny: Backbone) -> None:
        config = json.dumps({"peft_type": "LORA", "num_virtual_tokens": 8}).encode()
        self.refused(files | {CONFIG: config}, tiny, "PREFIX_TUNING")

    def test_a_length_that_lies(self, files: dict[str, bytes], tiny: Backbone) -> None:
        config = json.loads(files[CONFIG]) | {"num_virtual_tokens": 9}
        self.refused(files | {CONFIG: json.dumps(config).encode()}, tiny, "promises 9 tokens")

    def test_more_layers_than_the_backbone_has(self, files: dict[str, bytes], tiny: Backbone) -> None:
        for layers in (3, 0, "2", None):
            config = json.loads(files[CONFIG]) | {"num_layers": layers}
            self.refused(files | {CONFIG: json.dumps(config).encode()}, tiny, "this backbone has 2")

    def test_a_field_nobody_knows(self, files: dict[str, bytes], tiny: Backbone) -> None:
        self.refused(files, tiny, "malformed", auto_mapping={"x": "y"})

    def test_labels_without_calibration(self, files: dict[str, bytes], tiny: Backbone) -> None:
        self.refused(files, tiny, "calibrates", calibration={})


def test_an_absurd_prefix_is_refused(label_prompt: SoftPrompt, tiny: Backbone) -> None:
    huge = replace(label_prompt, prefix=label_prompt.prefix * 20_000)
    digest, content = pack(huge, tiny.dimensions)
    with pytest.raises(PromptRefused, match="absurdly large"):
        unpack(content, digest, tiny)
