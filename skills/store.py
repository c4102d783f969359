"""Prompts on disk by digest: a local cache of bytes whose record is elsewhere."""

import ctypes
import itertools
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from skills.backbone import Backbone
from skills.checkpoint import unpack
from skills.errors import PromptRefused
from skills.prompt import SoftPrompt

Fetch = Callable[[str], bytes]
TIDY_EVERY = 64
"""Loads between two tidyings; one takes about 10 ms, a load about 2."""


class Store:
    """Reads prompts by digest, from disk or, when it is not there or damaged, from the record."""

    def __init__(self, folder: Path, backbone: Backbone, fetch: Fetch) -> None:
        self._folder, self._backbone, self._fetch = folder, backbone, fetch
        self._loads = itertools.count(1)
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, digest: str) -> SoftPrompt:
        """Return the verified prompt. Raises PromptRefused if even the record does not verify."""
        prompt = self._load(digest)
        if next(self._loads) % TIDY_EVERY == 0:
            tidy()
        return prompt

    def _load(self, digest: str) -> SoftPrompt:
        path = self._folder / f"{digest}.zip"
        if path.exists():
            try:
                return unpack(path.read_bytes(), digest, self._backbone)
            except PromptRefused:
                path.unlink(missing_ok=True)
        content = self._fetch(digest)
        prompt = unpack(content, digest, self._backbone)
        with suppress(OSError):  # a full disk costs the cache, not the answer
            write_once(path, content)
        return prompt


def tidy() -> None:
    """Give the holes that loading leaves between prompts back to the system (where glibc allocates; elsewhere nothing).

    Loading takes several times a prompt's size for a moment; without this a process that holds thousands keeps a third
    more than they are.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


def write_once(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or nothing, even across a crash. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
