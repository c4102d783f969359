"""The cache on disk never serves anything but the record."""

from pathlib import Path

import pytest
import torch

from skills.backbone import Backbone
from skills.checkpoint import pack
from skills.errors import PromptRefused
from skills.prompt import SoftPrompt
from skills.store import Store, write_once
from tests.disks import files_up_to


def test_it_fetches_once_and_heals_a_damaged_file(label_prompt: SoftPrompt, tiny: Backbone, tmp_path: Path) -> None:
    digest, content = pack(label_prompt, tiny.dimensions)
    fetched: list[str] = []

    def fetch(wanted: str) -> bytes:
        fetched.append(wanted)
        return content

    store = Store(tmp_path, tiny, fetch)
    first = store.load(digest)
    assert torch.equal(store.load(digest).prefix, first.prefix)
    assert fetched == [digest]
    (tmp_path / f"{digest}.zip").write_bytes(content[:-50])
    assert torch.equal(store.load(digest).prefix, first.prefix)
    assert fetched == [digest, digest]


def test_a_forged_record_is_refused_and_not_kept(label_prompt: SoftPrompt, tiny: Backbone, tmp_path: Path) -> None:
    _, content = pack(label_prompt, tiny.dimensions)
    with pytest.raises(PromptRefused):
        Store(tmp_path, tiny, lambda _: content).load("a" * 64)
    assert list(tmp_path.iterdir()) == []


def test_writing_leaves_nothing_half_written(tmp_path: Path) -> None:
    write_once(tmp_path / "a", b"1")
    write_once(tmp_path / "a", b"22")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"22"]


def test_a_full_disk_costs_the_cache_and_not_the_prompt(
    label_prompt: SoftPrompt, tiny: Backbone, tmp_path: Path
) -> None:
    digest, content = pack(label_prompt, tiny.dimensions)
    store = Store(tmp_path, tiny, lambda _: content)
    with files_up_to(len(content) // 2):
        assert store.load(digest).scorecard == label_prompt.scorecard
        with pytest.raises(OSError, match="too large"):
            write_once(tmp_path / "a", content)
    assert list(tmp_path.iterdir()) == []
    store.load(digest)
    assert [path.name for path in tmp_path.iterdir()] == [f"{digest}.zip"]
