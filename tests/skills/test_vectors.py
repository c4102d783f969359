"""Embeddings on disk: nothing is embedded twice, and losing a file costs time alone."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from skills.backbone import Backbone
from skills.errors import BackboneChanged
from skills.vectors import MOST_FILES, Vectors
from tests.disks import files_up_to

TEXTS = ["how do I change my PIN", "what does it cost", "where is my card"]


@pytest.fixture
def embedded(tiny: Backbone, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the backbone embeds from now on."""
    seen: list[str] = []
    embed = tiny.embed

    def watched(texts: Sequence[str]) -> torch.Tensor:
        seen.extend(texts)
        return embed(texts)

    monkeypatch.setattr(tiny, "embed", watched)
    return seen


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def test_a_second_load_embeds_nothing(tiny: Backbone, tmp_path: Path, embedded: list[str]) -> None:
    first = Vectors(tmp_path, tiny).embed("desk", TEXTS)
    assert embedded == TEXTS
    again = Vectors(tmp_path, tiny).embed("desk", TEXTS[::-1])
    assert embedded == TEXTS
    assert torch.equal(again.flip(0), first)
    assert torch.allclose(first, tiny.embed(TEXTS))


def test_one_changed_article_embeds_one_text(tiny: Backbone, tmp_path: Path, embedded: list[str]) -> None:
    vectors = Vectors(tmp_path, tiny)
    vectors.embed("desk", TEXTS)
    vectors.embed("desk", [TEXTS[0], "what is the fee", TEXTS[2], TEXTS[2]])
    assert embedded == [*TEXTS, "what is the fee"]


def test_no_text_is_kept(tiny: Backbone, tmp_path: Path) -> None:
    Vectors(tmp_path, tiny).embed("desk", TEXTS)
    kept = b"".join(path.read_bytes() for path in files(tmp_path))
    assert not any(word.encode() in kept for text in TEXTS for word in text.split() if len(word) > 3)


def test_a_damaged_file_is_made_anew(tiny: Backbone, tmp_path: Path, embedded: list[str]) -> None:
    vectors = Vectors(tmp_path, tiny)
    first = vectors.embed("desk", TEXTS)
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-7])
    assert torch.equal(vectors.embed("desk", TEXTS), first)
    assert embedded == TEXTS * 2
    assert vectors.embed("desk", TEXTS).shape == first.shape
    assert embedded == TEXTS * 2


def test_files_do_not_pile_up(tiny: Backbone, tmp_path: Path, embedded: list[str]) -> None:
    vectors = Vectors(tmp_path, tiny)
    for number in range(MOST_FILES + 10):
        vectors.embed("desk", [*TEXTS, f"question {number}"])
        assert len(files(tmp_path)) <= MOST_FILES
    assert len(embedded) == len(set(embedded))


def test_a_full_disk_costs_the_cache_alone(tiny: Backbone, tmp_path: Path, embedded: list[str]) -> None:
    vectors = Vectors(tmp_path, tiny)
    with files_up_to(16):
        found = vectors.embed("desk", TEXTS)
    assert not files(tmp_path)
    assert torch.equal(vectors.embed("desk", TEXTS), found)
    assert embedded == TEXTS * 2


def test_what_a_changed_backbone_made_is_not_kept(
    tiny: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed() -> None:
        raise BackboneChanged("changed")

    monkeypatch.setattr(tiny, "verify", changed)
    Vectors(tmp_path, tiny).embed("desk", TEXTS)
    assert not files(tmp_path)


def test_another_backbone_has_vectors_of_its_own(tiny: Backbone, exact_backbone: Backbone, tmp_path: Path) -> None:
    Vectors(tmp_path, tiny).embed("desk", TEXTS)
    assert Vectors(tmp_path, exact_backbone).embed("desk", TEXTS).shape[1] == exact_backbone.dimensions.hidden
    assert len(files(tmp_path)) == 2
