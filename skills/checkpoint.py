"""A SoftPrompt as bytes: PEFT's checkpoint layout, a head and a manifest, named by the manifest's digest.

    adapter_model.safetensors   prompt_embeddings [P, U * 2 * D]: what PEFT's PREFIX_TUNING saves
    adapter_config.json         PEFT's configuration of it
    head.safetensors            label vectors, probe, or query projection and bank
    manifest.json               everything else, with the sha256 of the other three

The digest is the sha256 of the manifest, so it fixes every byte. Loading trusts nothing: names, shapes,
dtypes, finiteness, digests and the backbone's fingerprint are checked, and a mismatch is one sentence.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from skills.backbone import Backbone, Positions
from skills.calibration import ExclusiveCalibration, LabelCalibration
from skills.encoder import Dimensions
from skills.errors import PromptRefused
from skills.prompt import SoftPrompt, from_peft, to_peft
from skills.skill import Axis

PREFIX, CONFIG, HEAD, MANIFEST = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "head.safetensors",
    "manifest.json",
)
LARGEST_FILE = 32 * 1024 * 1024
LONGEST_PREFIX = 128
LARGEST_VALUE = 1e4
_EPOCH = (1980, 1, 1, 0, 0, 0)


class Manifest(BaseModel):
    """What a stored prompt says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    skill: str
    kind: str
    instruction: str
    fingerprint: str
    positions: Positions
    axes: tuple[Axis, ...]
    calibration: dict[str, ExclusiveCalibration | LabelCalibration]
    bank_labels: tuple[str, ...]
    scorecard: dict[str, Any]
    lineage: dict[str, Any]
    files: dict[str, str]


def pack(prompt: SoftPrompt, dimensions: Dimensions) -> tuple[str, bytes]:
    """Return a prompt's digest and its bytes of record (an uncompressed zip of the four files)."""
    files = {
        # Half precision: half the bytes, and what serves (bfloat16) keeps fewer digits anyway.
        PREFIX: save_tensors({"prompt_embeddings": to_peft(prompt.prefix).half().contiguous()}),
        CONFIG: _json(_peft_config(prompt, dimensions)),
        HEAD: save_tensors({name: tensor.half().contiguous() for name, tensor in prompt.head.items()}),
    }
    manifest = Manifest(
        skill=prompt.skill,
        kind=prompt.kind,
        instruction=prompt.instruction,
        fingerprint=prompt.fingerprint,
        positions=prompt.positions,
        axes=prompt.axes,
        calibration=dict(prompt.calibration),
        bank_labels=prompt.bank_labels,
        scorecard=dict(prompt.scorecard),
        lineage=dict(prompt.lineage),
        files={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    )
    files[MANIFEST] = _json(manifest.model_dump(mode="json"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), files[name])
    return hashlib.sha256(files[MANIFEST]).hexdigest(), buffer.getvalue()


def unpack(content: bytes, digest: str, backbone: Backbone) -> SoftPrompt:
    """Read what `pack` wrote. Raises PromptRefused with one sentence if anything is not as promised.

    Tensors stay in the number format they are stored in, in one block, so that what is live takes no more memory
    than its record; whoever computes with them widens them, which is exact.
    """
    files = read_files(content)
    if hashlib.sha256(files[MANIFEST]).hexdigest() != digest:
        raise PromptRefused(f"The stored prompt {digest[:12]} is not the one of that name: its manifest was changed.")
    try:
        manifest = Manifest.model_validate_json(files[MANIFEST])
    except ValidationError as error:
        raise PromptRefused(
            f"The manifest of prompt {digest[:12]} is malformed: {error.errors()[0]['msg']}."
        ) from error
    for name in (PREFIX, CONFIG, HEAD):
        if hashlib.sha256(files[name]).hexdigest() != manifest.files.get(name):
            raise PromptRefused(f"{name} of prompt {digest[:12]} does not have the sha256 its manifest promises.")
    if manifest.fingerprint != backbone.fingerprint:
        raise PromptRefused(
            f"Prompt {digest[:12]} was tuned for another backbone ({manifest.fingerprint[:12]}) than the one "
            f"that is loaded ({backbone.fingerprint[:12]}); retrain it on this one."
        )
    head = _tensors(files[HEAD], HEAD)
    _check_head(head, manifest, backbone.dimensions.hidden)
    prefix, *parts = _in_one_block([_read_prefix(files[PREFIX], files[CONFIG], backbone.dimensions), *head.values()])
    return SoftPrompt(
        skill=manifest.skill,
        kind=manifest.kind,
        instruction=manifest.instruction,
        fingerprint=manifest.fingerprint,
        axes=manifest.axes,
        prefix=prefix,
        head=dict(zip(head, parts, strict=True)),
        calibration=manifest.calibration,
        positions=manifest.positions,
        bank_labels=manifest.bank_labels,
        scorecard=manifest.scorecard,
        lineage=manifest.lineage,
    )


def load_peft_prefix(folder: Path, backbone: Backbone) -> Tensor:
    """Read a foreign PEFT PREFIX_TUNING checkpoint of the same backbone as a prefix `[U, 2, P, D]`.

    It is to be served with positions `after_prefix`, as PEFT does. Raises PromptRefused for anything but
    safetensors of the right shape.
    """
    try:
        content, config = (folder / PREFIX).read_bytes(), (folder / CONFIG).read_bytes()
    except OSError as error:
        raise PromptRefused(f"{folder} holds no {PREFIX} with {CONFIG}.") from error
    return _read_prefix(content, config, backbone.dimensions)


def read_files(content: bytes) -> dict[str, bytes]:
    """Return the four files of a packed prompt, or raise PromptRefused."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            names = sorted(entry.filename for entry in entries)
            if names != sorted((PREFIX, CONFIG, HEAD, MANIFEST)):
                raise PromptRefused(f"A stored prompt has four files; this one has {', '.join(names) or 'none'}.")
            if any(entry.file_size > LARGEST_FILE for entry in entries):
                raise PromptRefused("A file of the stored prompt is larger than any prompt is.")
            return {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise PromptRefused("The stored prompt is damaged: it is not a readable archive.") from error


def _read_prefix(content: bytes, config: bytes, sizes: Dimensions) -> Tensor:
    try:
        said = json.loads(config)
    except ValueError as error:
        raise PromptRefused(f"{CONFIG} is not JSON.") from error
    if not isinstance(said, dict) or said.get("peft_type") != "PREFIX_TUNING":
        raise PromptRefused(f"{CONFIG} does not describe a PREFIX_TUNING prompt.")
    tensors = _tensors(content, PREFIX)
    if set(tensors) != {"prompt_embeddings"}:
        raise PromptRefused(f"{PREFIX} must hold 'prompt_embeddings' alone; it holds {sorted(tensors)}.")
    flat = tensors["prompt_embeddings"]
    layers = said.get("num_layers")
    if not isinstance(layers, int) or not 1 <= layers <= sizes.layers:
        raise PromptRefused(f"{CONFIG} promises {layers} layers; this backbone has {sizes.layers}.")
    width = layers * 2 * sizes.width
    if flat.ndim != 2 or flat.shape[1] != width or not 1 <= flat.shape[0] <= LONGEST_PREFIX:
        raise PromptRefused(f"prompt_embeddings has shape {tuple(flat.shape)}; {layers} layers need [P, {width}].")
    if said.get("num_virtual_tokens") != flat.shape[0]:
        raise PromptRefused(f"{CONFIG} promises {said.get('num_virtual_tokens')} tokens; there are {flat.shape[0]}.")
    return from_peft(flat, layers)


def _tensors(content: bytes, name: str) -> dict[str, Tensor]:
    try:
        tensors = load_tensors(content)
    except SafetensorError as error:
        raise PromptRefused(f"{name} is not a safetensors file.") from error
    for key, tensor in tensors.items():
        if tensor.dtype not in (torch.float32, torch.float16, torch.bfloat16):
            raise PromptRefused(f"'{key}' of {name} has the type {tensor.dtype}; only floating point is served.")
        if not bool(torch.isfinite(tensor).all()) or bool(
            tensor.abs().max() > LARGEST_VALUE if tensor.numel() else False
        ):
            raise PromptRefused(f"'{key}' of {name} holds values that are not finite or absurdly large.")
    return tensors


def _in_one_block(tensors: list[Tensor]) -> list[Tensor]:
    """Return the tensors as views of one allocation: each by itself would pin a hole that loading leaves around it."""
    block = torch.cat([tensor.flatten() for tensor in tensors])
    parts = torch.split(block, [tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def _check_head(head: Mapping[str, Tensor], manifest: Manifest, hidden: int) -> None:
    labels = sum(len(axis.labels) for axis in manifest.axes)
    if "query.down" in head:
        rank = head["query.down"].shape[0]
        wanted: dict[str, tuple[int, ...]] = {
            "query.down": (rank, hidden),
            "query.up": (hidden, rank),
            "bank.vectors": (len(manifest.bank_labels), hidden),
        }
    else:
        wanted = {
            "label.vectors": (labels, hidden),
            "label.bias": (labels,),
            "label.scale": (labels,),
            "probe.vectors": (labels, hidden),
            "probe.bias": (labels,),
        }
    found = {name: tuple(tensor.shape) for name, tensor in head.items()}
    if found != wanted:
        raise PromptRefused(f"{HEAD} holds {found}; the manifest needs {wanted}.")
    named = {axis.name for axis in manifest.axes if axis.exclusive}
    named |= {label for axis in manifest.axes if not axis.exclusive for label in axis.labels}
    if set(manifest.calibration) != named:
        raise PromptRefused(f"The manifest calibrates {sorted(manifest.calibration)}; its labels need {sorted(named)}.")


def _peft_config(prompt: SoftPrompt, sizes: Dimensions) -> dict[str, Any]:
    return {
        "peft_type": "PREFIX_TUNING",
        "task_type": "FEATURE_EXTRACTION",
        "inference_mode": True,
        "num_virtual_tokens": prompt.length,
        "token_dim": sizes.width,
        "num_layers": len(prompt.prefix),
        "num_attention_heads": sizes.kv_heads,
        "num_transformer_submodules": 1,
        "encoder_hidden_size": sizes.hidden,
        "prefix_projection": False,
        "base_model_name_or_path": None,
    }


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
