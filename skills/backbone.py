"""The one shared, frozen transformer, and the mixed forward in which each row carries its own prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor

from skills.encoder import Dimensions, Encoder
from skills.errors import BackboneChanged
from skills.fingerprint import digest_tensors
from skills.padding import pad, pool

Positions = Literal["from_zero", "after_prefix"]
LONGEST_TEXT = 256
"""Tokens of a text that are read, special tokens included (what the default backbone was trained on)."""
ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Row:
    """One text to read, with the prefix to read it under (None: the bare backbone).

    `tokens` are ids with special tokens; `prefix` is `[U, 2, P, D]`, for the uppermost U layers.
    """

    tokens: tuple[int, ...]
    prefix: Tensor | None = None
    positions: Positions = "from_zero"

    @property
    def prompt_length(self) -> int:
        """P, 0 for a bare row."""
        return 0 if self.prefix is None else self.prefix.shape[2]


class Backbone:
    """A frozen encoder and its tokenizer. Made by `skills.loading.load_backbone`.

    `fingerprint` identifies the weights and the vocabulary whatever the serving dtype; `path` is the folder
    they were read from, for the training side to read them again.
    """

    def __init__(self, encoder: Encoder, tokenizer: Tokenizer, fingerprint: str, name: str, path: str) -> None:
        self.encoder, self.tokenizer = encoder, tokenizer
        self.fingerprint, self.name, self.path = fingerprint, name, path
        self.dimensions: Dimensions = encoder.dimensions
        self.dtype, self.device = encoder.dtype, encoder.device
        self._loaded = digest_tensors(encoder.tensors())

    def verify(self) -> None:
        """Raise BackboneChanged if any weight differs from what was loaded."""
        if digest_tensors(self.encoder.tensors()) != self._loaded:
            raise BackboneChanged(
                "The backbone's weights changed in memory since they were loaded; restart this process "
                "and do not keep what it produced."
            )

    def tokenize(self, texts: Sequence[str], prompt_length: int = 0) -> list[tuple[int, ...]]:
        """Return token ids per text, cut at min(256, positions - P) with the closing token kept."""
        room = min(LONGEST_TEXT, self.dimensions.positions - prompt_length)
        found = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        return [tuple(ids if len(ids) <= room else [*ids[: room - 1], ids[-1]]) for ids in found]

    def forward(self, rows: Sequence[Row]) -> Tensor:
        """Read rows that may each carry another prompt (or none) in one mixed forward.

        Returns mean-pooled states `[B, H]`, float32, in main memory, in the order given. A row's result does not
        depend on its neighbours (tests/skills/test_backbone.py states the tolerance). More than 64 rows are
        read in batches of similar length.
        """
        if len(rows) <= ROWS_AT_ONCE:
            return self._mixed(rows)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i].tokens))
        result = torch.empty(len(rows), self.dimensions.hidden)
        for start in range(0, len(order), ROWS_AT_ONCE):
            chosen = order[start : start + ROWS_AT_ONCE]
            result[chosen] = self._mixed([rows[i] for i in chosen])
        return result

    def embed(self, texts: Sequence[str], prefix: Tensor | None = None) -> Tensor:
        """Return `[N, H]`: every text read under the same prefix (None: bare)."""
        length = 0 if prefix is None else prefix.shape[2]
        return self.forward([Row(tokens, prefix) for tokens in self.tokenize(texts, length)])

    def activations(self, text: str) -> Tensor:
        """Return the keys and values of a text read alone: `[L, 2, T, D]`, float32, in main memory."""
        tokens, mask = pad(self.tokenize([text]))
        kept: list[Tensor] = []
        with torch.no_grad():
            self.encoder.states(tokens, mask, keep=kept)
        stacked = torch.stack(kept)[:, :, 0]  # [L, 2, kv_heads, T, head_dim]
        return stacked.transpose(2, 3).flatten(3).float().cpu()

    @torch.no_grad()
    def _mixed(self, rows: Sequence[Row]) -> Tensor:
        """Read at most 64 rows, in one forward if the prompts of all begin at the same layer."""
        depths = {len(row.prefix) for row in rows if row.prefix is not None}
        if len(depths) <= 1:
            return self._read(rows, max(depths, default=0)) if rows else torch.empty(0, self.dimensions.hidden)
        result, least = torch.empty(len(rows), self.dimensions.hidden), min(depths)
        for depth in depths:
            chosen = [i for i, row in enumerate(rows) if (least if row.prefix is None else len(row.prefix)) == depth]
            result[chosen] = self._read([rows[i] for i in chosen], depth)
        return result

    def _read(self, rows: Sequence[Row], depth: int) -> Tensor:
        """Read rows whose prompts, if they have any, are of the uppermost `depth` layers."""
        keys = [(row.tokens, row.prompt_length if row.positions == "after_prefix" else 0) for row in rows]
        texts = {key: place for place, key in enumerate(dict.fromkeys(keys))}
        tokens, mask = pad([tokens for tokens, _ in texts])
        shifts = [shift for _, shift in texts]
        whose = torch.tensor([texts[key] for key in keys]) if len(texts) < len(rows) else None
        prefixes, prefix_mask = self._gather([row.prefix for row in rows], depth)
        starts = torch.tensor(shifts) if any(shifts) else None
        states = self.encoder.states(tokens, mask, prefixes, prefix_mask, starts, whose)
        return pool(states, (mask if whose is None else mask[whose]).to(self.device)).cpu()

    def _gather(self, prefixes: Sequence[Tensor | None], depth: int) -> tuple[Tensor | None, Tensor | None]:
        """Pack prefixes of different lengths: `[depth, 2, B, kv_heads, P, head_dim]`, and their mask `[B, P]`."""
        longest = max((p.shape[2] for p in prefixes if p is not None), default=0)
        if longest == 0:
            return None, None
        sizes, rows = self.dimensions, len(prefixes)
        packed = torch.zeros(depth, 2, rows, longest, sizes.width, dtype=self.dtype)
        mask = torch.zeros(rows, longest, dtype=torch.long)
        for i, prefix in enumerate(prefixes):
            if prefix is not None:
                packed[:, :, i, : prefix.shape[2]] = prefix
                mask[i, : prefix.shape[2]] = 1
        split = packed.view(depth, 2, rows, longest, sizes.kv_heads, sizes.head_dim)
        return split.transpose(3, 4), mask
