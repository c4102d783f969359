"""Embeddings of passages on disk, by digest: what was embedded once is not embedded again.

A desk has a folder for each backbone that read it. Its files are named by the sha256 of their bytes and hold vectors
`[M, H]` and each text's digest; no text is kept. Losing a file costs time, never an answer.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from skills.backbone import Backbone
from skills.batching import compute_on_one_core
from skills.errors import BackboneChanged
from skills.store import write_once

MOST_FILES = 32
"""Files of a desk beyond which they are written anew as one."""
DIGEST = 16
"""Bytes of a text's digest."""


class Vectors:
    """What one backbone makes of the texts of desks. `shared`: it reads on one core, for others want the rest."""

    def __init__(self, folder: Path, backbone: Backbone, shared: bool = False) -> None:
        reader = sha256(f"{backbone.fingerprint} {backbone.dtype}".encode()).hexdigest()
        self._folder, self._backbone, self._shared = folder / reader[:16], backbone, shared

    def embed(self, desk: str, texts: Sequence[str]) -> Tensor:
        """Return `[N, H]`: what the bare backbone makes of all the texts of a desk; only new ones are read.

        Vectors of other texts stay in the desk's folder until they are as many again.
        """
        if self._shared:
            compute_on_one_core()
        folder = self._folder / desk
        names = [sha256(text.encode()).digest()[:DIGEST] for text in texts]
        files = sorted(folder.glob("*.safetensors"))
        held = [part for part in map(_read, files) if part is not None]
        stored = [name for digests, _ in held for name in digests]
        place = {name: i for i, name in enumerate(stored)}
        new = {name: text for name, text in zip(names, texts, strict=True) if name not in place}
        fresh = self._backbone.embed(list(new.values()))
        place |= {name: len(stored) + i for i, name in enumerate(new)}
        found = torch.cat([*(vectors for _, vectors in held), fresh])[[place[name] for name in names]]
        if len(files) >= MOST_FILES or len(stored) + len(new) > 2 * len(set(names)):
            whole = self._keep(folder, dict(zip(names, found, strict=True)))
            _remove([path for path in files if whole and path != whole])
        elif new:
            self._keep(folder, dict(zip(new, fresh, strict=True)))
        return found

    def _keep(self, folder: Path, rows: Mapping[bytes, Tensor]) -> Path | None:
        """Write a file of rows; return it, if it is there. What a changed backbone made is not kept."""
        digests = torch.tensor(np.frombuffer(b"".join(rows), np.uint8)).view(-1, DIGEST)
        content = save({"digests": digests, "vectors": torch.stack(list(rows.values()))})
        path = folder / f"{sha256(content).hexdigest()}.safetensors"
        with suppress(OSError, BackboneChanged):  # a full disk costs the cache, not the answer
            self._backbone.verify()
            folder.mkdir(parents=True, exist_ok=True)
            write_once(path, content)
            return path
        return None


def _read(path: Path) -> tuple[list[bytes], Tensor] | None:
    """Return digests and vectors of a file; one that is not what its name says is removed."""
    with suppress(OSError, SafetensorError, KeyError):
        content = path.read_bytes()
        if sha256(content).hexdigest() == path.stem:
            tensors = load(content)
            packed = tensors["digests"].numpy().tobytes()
            return [packed[at : at + DIGEST] for at in range(0, len(packed), DIGEST)], tensors["vectors"]
        _remove([path])
    return None


def _remove(files: Sequence[Path]) -> None:
    for path in files:
        with suppress(OSError):
            path.unlink()
