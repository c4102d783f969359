"""Prompts on disk by digest: a local cache of bytes whose record is elsewhere."""

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


class Store:
    """Reads prompts by digest, from disk or, when it is not there or damaged, from the record."""

    def __init__(self, folder: Path, backbone: Backbone, fetch: Fetch) -> None:
        self._folder, self._backbone, self._fetch = folder, backbone, fetch
        folder.mkdir(parents=True, exist_ok=True)

    def load(self, digest: str) -> SoftPrompt:
        """Return the verified prompt. Raises PromptRefused if even the record does not verify."""
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
