"""How near messages are in meaning: cosines of the bare backbone's readings, the latest of which are kept."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256

import torch
from torch import Tensor
from torch.nn.functional import normalize

from skills.backbone import Backbone, Row
from skills.batching import Reader

KEPT = 4000
AT_ONCE = 16
"""Rows of one forward: others, who wait for an answer, come in between."""


class Meanings:
    """Unit vectors of texts. Safe to use from several threads; keeps digests, not the texts."""

    def __init__(self, backbone: Backbone, reader: Reader) -> None:
        self._backbone, self._reader = backbone, reader
        self._known: OrderedDict[bytes, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    def count_near(self, texts: Sequence[str], least: float) -> list[int]:
        """Return, for each text, how many of them (itself among them) have at least this cosine with it."""
        if not texts:
            return []
        vectors = self._vectors(texts)
        near = vectors @ vectors.T >= least
        near.fill_diagonal_(True)
        return [int(count) for count in near.sum(1)]

    def _vectors(self, texts: Sequence[str]) -> Tensor:
        """Return `[N, H]`, unit length, reading only what is not known."""
        digests = [sha256(text.encode()).digest() for text in texts]
        with self._lock:
            known = {digest: self._known[digest] for digest in digests if digest in self._known}
        unread = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
        rows = [Row(tokens) for tokens in self._backbone.tokenize(list(unread.values()))]
        for start in range(0, len(rows), AT_ONCE):
            states = normalize(self._reader.forward(rows[start : start + AT_ONCE]), dim=-1)
            known.update(zip(list(unread)[start : start + AT_ONCE], states, strict=True))
        with self._lock:
            for digest in digests:
                self._known[digest] = known[digest]
                self._known.move_to_end(digest)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return torch.stack([known[digest] for digest in digests])
