"""The transformer as it serves: a BERT-family encoder whose rows bring their own keys and values.

Plain tensors and one loop over layers. `transformers` would compute the same (tests hold the two
together), but loads four seconds slower and spends a third more time on a short row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from skills.padding import Texts
from skills.products import lay_out, multiplies, product

Weights = Mapping[str, Tensor]
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "gelu_new": partial(functional.gelu, approximate="tanh"),
    "relu": functional.relu,
}


@dataclass(frozen=True, slots=True)
class Dimensions:
    """The sizes that a prompt must agree with, and how the encoder computes."""

    layers: int
    kv_heads: int
    head_dim: int
    hidden: int
    positions: int
    first_position: int = 0
    epsilon: float = 1e-12
    activation: str = "gelu"

    @property
    def width(self) -> int:
        """D: the size of one layer's keys (or values) for one prompt token."""
        return self.kv_heads * self.head_dim


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Tensor
    bias: Tensor


@dataclass(frozen=True, slots=True)
class _Linear:
    weight: Tensor  # laid out
    bias: Tensor

    def __call__(self, states: Tensor) -> Tensor:
        return product(states, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class _Layer:
    attention_in: _Linear  # queries, keys and values in one product: [3H, H]
    attention_out: _Linear
    attention_norm: _Norm
    expand: _Linear
    contract: _Linear
    output_norm: _Norm


class Encoder:
    """Frozen weights in one number format, on one device."""

    def __init__(self, weights: Weights, dimensions: Dimensions, dtype: torch.dtype, device: str = "cpu") -> None:
        frozen = {name: tensor.detach().to(device, dtype).contiguous() for name, tensor in weights.items()}
        self.dimensions, self.dtype, self.device = dimensions, dtype, torch.device(device)
        self._words = frozen["embeddings.word_embeddings.weight"]
        self._places = frozen["embeddings.position_embeddings.weight"]
        self._kind = frozen["embeddings.token_type_embeddings.weight"][0]
        self._norm = _norm(frozen, "embeddings.LayerNorm")
        # oneDNN keeps a program of a megabyte for every number of rows that it ever saw, so numbers are rounded.
        self._rounded = multiplies(dtype, self.device)
        self._layers = [_layer(frozen, f"encoder.layer.{number}.") for number in range(dimensions.layers)]
        self._activation: Callable[[Tensor], Tensor] = _ACTIVATIONS[dimensions.activation]

    def tensors(self) -> dict[str, Tensor]:
        """Return every weight as it lies in memory, some in oneDNN's blocks, by name."""
        found = {"words": self._words, "places": self._places, "kind": self._kind}
        found |= {"norm.weight": self._norm.weight, "norm.bias": self._norm.bias}
        for number, layer in enumerate(self._layers):
            for field in layer.__slots__:
                part = getattr(layer, field)
                found[f"{number}.{field}.weight"], found[f"{number}.{field}.bias"] = part.weight, part.bias
        return found

    def states(
        self,
        tokens: Tensor,
        mask: Tensor,
        prefixes: Tensor | None = None,
        prefix_mask: Tensor | None = None,
        starts: Tensor | None = None,
        whose: Tensor | None = None,
        keep: list[Tensor] | None = None,
    ) -> Tensor:
        """Read a padded batch; return last states `[B, T, H]`, on this encoder's device.

        `tokens` and `mask` are `[N, T]`; `prefixes` `[U, 2, B, kv_heads, P, head_dim]` with `prefix_mask` `[B, P]`
        are those of the uppermost U layers. `whose` `[B]` names the text that each row reads (None: its own, B is N):
        rows of the same text share the layers below. `starts` `[N]` is each text's first position (None: zero).
        `keep` collects each layer's own keys and values `[2, B, kv_heads, T, head_dim]`.
        """
        above = 0 if prefixes is None else len(prefixes)
        states, texts = self._below(tokens, mask, above, starts, keep)
        prefixes, prefix_mask, whose = (self._here(part) for part in (prefixes, prefix_mask, whose))
        if whose is not None:
            states, texts = texts.repeated(states, whose)
        if prefixes is not None and prefix_mask is not None:
            hidden = self._additive(torch.cat([prefix_mask, texts.mask], dim=1))
            for layer, prefix in zip(self._layers[-above:], prefixes, strict=True):
                states = self._through(layer, states, texts, hidden, prefix, keep)
        return texts.spread(states).view(*texts.mask.shape, -1)

    def entering(self, tokens: Tensor, mask: Tensor, above: int) -> Tensor:
        """Return the states `[N, T, H]` that enter the uppermost `above` layers, positions from zero."""
        states, texts = self._below(tokens, mask, above)
        return texts.spread(states).view(*mask.shape, -1)

    def _below(
        self,
        tokens: Tensor,
        mask: Tensor,
        above: int,
        starts: Tensor | None = None,
        keep: list[Tensor] | None = None,
    ) -> tuple[Tensor, Texts]:
        """Read all layers but the uppermost `above`; return the states of real tokens, and where those lie."""
        tokens, mask, starts = tokens.to(self.device), mask.to(self.device), self._here(starts)
        places = torch.arange(tokens.shape[1], device=self.device) + self.dimensions.first_position
        where = places if starts is None else places + starts[:, None]
        embedded = self._words[tokens] + self._places[where] + self._kind
        texts, hidden = Texts(mask, self._rounded), self._additive(mask)
        states = self._normed(texts.of(embedded.view(mask.numel(), -1)), self._norm)
        for layer in self._layers[: len(self._layers) - above]:
            states = self._through(layer, states, texts, hidden, None, keep)
        return states, texts

    def _through(
        self,
        layer: _Layer,
        states: Tensor,
        texts: Texts,
        hidden: Tensor | None,
        prefix: Tensor | None,
        keep: list[Tensor] | None,
    ) -> Tensor:
        """Read one layer: the states of real tokens `[N, H]` to the same."""
        sizes, (rows, length) = self.dimensions, texts.mask.shape
        packed = texts.spread(layer.attention_in(states))
        query, key, value = packed.view(rows, length, 3, sizes.kv_heads, sizes.head_dim).permute(2, 0, 3, 1, 4)
        if keep is not None:
            keep.append(torch.stack([key, value]))
        if prefix is not None:
            key, value = torch.cat([prefix[0], key], dim=2), torch.cat([prefix[1], value], dim=2)
        attended = _attend(query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1), hidden)
        mixed = texts.of(attended.view(query.shape).transpose(1, 2).reshape(rows * length, -1))
        states = self._normed(layer.attention_out(mixed) + states, layer.attention_norm)
        inner = layer.contract(self._activation(layer.expand(states)))
        return self._normed(inner + states, layer.output_norm)

    def _here(self, part: Tensor | None) -> Tensor | None:
        return None if part is None else part.to(self.device)

    def _normed(self, states: Tensor, norm: _Norm) -> Tensor:
        return functional.layer_norm(states, (self.dimensions.hidden,), norm.weight, norm.bias, self.dimensions.epsilon)

    def _additive(self, seen: Tensor) -> Tensor | None:
        """Return what is added to attention scores `[B * heads, T, S]`: the least number where nothing may be seen."""
        if bool(seen.all()):
            return None
        empty = torch.zeros(seen.shape, dtype=self.dtype, device=self.device)
        empty.masked_fill_(seen == 0, torch.finfo(self.dtype).min)
        return empty.repeat_interleave(self.dimensions.kv_heads, dim=0)[:, None]


def _attend(query: Tensor, key: Tensor, value: Tensor, hidden: Tensor | None) -> Tensor:
    """Softmax attention of `[B * heads, T or S, head_dim]`. For short rows it beats the fused kernel on processors."""
    scale, key = query.shape[-1] ** -0.5, key.transpose(1, 2)
    scores = torch.bmm(query * scale, key) if hidden is None else torch.baddbmm(hidden, query, key, alpha=scale)
    # In float32 whatever the batch is in: a softmax of bfloat16 takes four times as long.
    shares = torch.softmax(scores, dim=-1, dtype=torch.float32).to(scores.dtype)
    return torch.bmm(shares, value)


def _norm(weights: Weights, name: str) -> _Norm:
    return _Norm(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _linear(weights: Weights, *names: str) -> _Linear:
    """Return the linear layers of these names as one."""
    weight = torch.cat([weights[f"{name}.weight"] for name in names])
    return _Linear(lay_out(weight), torch.cat([weights[f"{name}.bias"] for name in names]))


def _layer(weights: Weights, name: str) -> _Layer:
    return _Layer(
        _linear(weights, *(f"{name}attention.self.{part}" for part in ("query", "key", "value"))),
        _linear(weights, f"{name}attention.output.dense"),
        _norm(weights, f"{name}attention.output.LayerNorm"),
        _linear(weights, f"{name}intermediate.dense"),
        _linear(weights, f"{name}output.dense"),
        _norm(weights, f"{name}output.LayerNorm"),
    )
