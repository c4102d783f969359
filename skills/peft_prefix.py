"""The trainable prefix: PEFT's PREFIX_TUNING on transformers' encoder, over the same frozen weights."""

import copy
import warnings
from collections.abc import Sequence
from typing import cast

import torch
from peft import (
    PeftModel,
    PrefixEncoder,
    PrefixTuningConfig,
    TaskType,
    get_peft_model,
    get_peft_model_state_dict,
)
from torch import Tensor
from transformers import AutoConfig, AutoModel, DynamicCache, PreTrainedModel
from transformers.utils import logging as transformers_logging

from skills.backbone import Backbone
from skills.errors import BackboneChanged
from skills.fingerprint import digest_tensors, vocabulary_bytes
from skills.padding import pad, pool
from skills.products import FrozenLinear, multiplies
from skills.prompt import from_peft, to_peft


class PeftPrefix:
    """One prefix being tuned. `read` is differentiable in `weight` alone."""

    def __init__(self, backbone: Backbone, encoder: PreTrainedModel, initial: Tensor) -> None:
        sizes = backbone.dimensions
        config = PrefixTuningConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            num_virtual_tokens=initial.shape[2],
            token_dim=sizes.width,
            num_layers=len(initial),
            num_attention_heads=sizes.kv_heads,
        )
        self._backbone, self._encoder, self._layers = backbone, uppermost(encoder, len(initial)), len(initial)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PEFT asks for an attribute transformers renamed
            self._peft: PeftModel = get_peft_model(self._encoder, config)
        self._peft.eval()  # train() would switch the backbone's dropout on
        learnt = cast("PrefixEncoder", self._peft.prompt_encoder["default"])
        self.weight = learnt.embedding.weight
        with torch.no_grad():
            self.weight.copy_(to_peft(initial))

    def read(self, rows: Sequence[tuple[int, ...]]) -> Tensor:
        """Return pooled states `[B, H]`, in main memory, of token rows read under the prefix, positions from zero."""
        tokens, mask = (part.to(self._backbone.device) for part in pad(rows))
        with torch.no_grad():
            below = self._backbone.encoder.entering(tokens, mask, self._layers)
        past: DynamicCache = self._peft.get_prompt(len(rows))  # type: ignore[assignment]
        prefix_mask = mask.new_ones((len(rows), past.get_seq_length()))
        output = self._encoder(
            inputs_embeds=below,
            attention_mask=torch.cat([prefix_mask, mask], dim=1),
            past_key_values=past,
        )
        return pool(output.last_hidden_state, mask).cpu()

    def tensor(self) -> Tensor:
        """Return the prefix as it stands: `[U, 2, P, D]`, float32."""
        flat = get_peft_model_state_dict(self._peft)["prompt_embeddings"]
        return from_peft(flat.float().cpu(), self._layers)


class _Given(torch.nn.Module):
    """Stands where embeddings were: what enters the first layer is given."""

    def forward(self, inputs_embeds: Tensor, **_said: object) -> Tensor:
        return inputs_embeds


def uppermost(encoder: PreTrainedModel, layers: int) -> PreTrainedModel:
    """Return an encoder of the last `layers` layers, of the same numbers, whose weights can take no gradient.

    It reads, as `inputs_embeds`, the states that enter them; PEFT knows no prompt that is empty in some layers.
    """
    config = copy.deepcopy(encoder.config)
    cut = encoder.config.num_hidden_layers - layers
    config.num_hidden_layers = layers
    with torch.device("meta"):
        part = AutoModel.from_config(config, attn_implementation="eager", add_pooling_layer=False)  # type: ignore[no-untyped-call]
    part.embeddings = _Given()
    numbered = {}
    for name, tensor in encoder.state_dict().items():
        if name.startswith("encoder.layer."):
            number, rest = name.removeprefix("encoder.layer.").split(".", 1)
            if int(number) >= cut:
                numbered[f"encoder.layer.{int(number) - cut}.{rest}"] = tensor
    part.load_state_dict(numbered, assign=True)
    for module in list(part.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.Linear) and multiplies(child.weight.dtype, child.weight.device):
                setattr(module, name, FrozenLinear(child))
    return cast("PreTrainedModel", part.eval().requires_grad_(False))


def load_for_training(backbone: Backbone) -> PreTrainedModel:
    """Load transformers' encoder over the backbone's folder: frozen, in eval mode, in the serving dtype and place.

    Raises BackboneChanged if its weights are not those of the backbone that serves.
    """
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    config = AutoConfig.from_pretrained(backbone.path)
    # Eager attention: the fused kernel's bfloat16 backward is ten times slower (docs/decisions/0002).
    encoder = AutoModel.from_pretrained(
        backbone.path,
        config=config,
        dtype=torch.float32,
        attn_implementation="eager",
        add_pooling_layer=False,
    )
    encoder.eval().requires_grad_(False)
    vocabulary = vocabulary_bytes(backbone.tokenizer.get_vocab())
    if digest_tensors(encoder.state_dict(), vocabulary) != backbone.fingerprint:
        raise BackboneChanged("The backbone's files changed since this process loaded them; restart it.")
    return cast("PreTrainedModel", encoder.to(backbone.device, backbone.dtype))
