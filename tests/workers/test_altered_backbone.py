"""A backbone that is not what was loaded ends the run; what it produced goes live nowhere."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.office import Office
from agent.releases import Releases, read_artefact
from agent.tables import Version
from skills.batching import Batcher
from skills.loading import load_backbone
from skills.store import Store
from skills.vectors import Vectors
from tests.alteration import alter_one_number
from tests.workers.conftest import count, live, run
from workers import retraining


@pytest.fixture
def mine(small: Office, tiny_folder: Path, tmp_path: Path) -> Iterator[Office]:
    """The office over the small desk with a backbone that no other test uses."""
    backbone = load_backbone(str(tiny_folder), "float32")
    store = Store(tmp_path / "mine", backbone, lambda digest: read_artefact(small.database, digest))
    vectors = Vectors(tmp_path / "mine-vectors", backbone)
    reader, releases = Batcher(backbone), Releases(small.database, backbone, store, vectors)
    yield replace(small, backbone=backbone, reader=reader, releases=releases)
    reader.close()


@pytest.mark.parametrize(("stage", "stored"), [("tune_candidate", 0), ("store_candidate", 1), ("conclude", 1)])
def test_one_changed_number_fails_this_run_and_every_later_one(
    mine: Office, monkeypatch: pytest.MonkeyPatch, stage: str, stored: int
) -> None:
    assert run(mine).status == "promoted"
    work = getattr(retraining, stage)

    def altered(*arguments: Any, **named: Any) -> Any:
        alter_one_number(mine.backbone, "1.expand.weight")
        return work(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(retraining, stage, altered)
        first = run(mine, seed=1)
    later = run(mine, seed=2)
    for row in (first, later):
        assert (row.status, row.decision, row.ended_at is None) == ("failed", {}, False)
        assert "weights changed in memory" in str(row.error)
    assert (live(mine), count(mine, Version)) == (1, 1 + stored)
