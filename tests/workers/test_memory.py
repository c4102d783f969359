"""A training takes no more memory than it may, and says so when it would."""

import sys

import pytest
import torch

from agent.office import Office
from skills.errors import CannotTune
from tests.workers.conftest import live, opened, row_of, run
from workers import retraining
from workers.memory import GIB, bounded_memory
from workers.retraining import run_retraining

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what a process allocates")


def take(gib: float) -> torch.Tensor:
    return torch.ones(int(gib * GIB), dtype=torch.uint8)


def test_what_fits_is_given_and_what_does_not_is_refused() -> None:
    with bounded_memory(1.0):
        assert len(take(0.5)) == GIB // 2
    for allocate in (lambda: take(2.0), lambda: bytearray(2 * GIB)):
        with pytest.raises(CannotTune, match="more than the 1 GiB of memory"), bounded_memory(1.0):
            allocate()
    assert len(take(2.0)) == 2 * GIB


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shape"), bounded_memory(1.0):
        torch.ones(2).view(3)


def test_a_training_that_wants_too_much_fails_in_words_and_the_next_one_runs(
    small: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(small).status == "promoted"
    job = opened(small, seed=1)
    with monkeypatch.context() as patch:
        patch.setattr(retraining, "tune_candidate", lambda *_: take(2.0))
        run_retraining(small, job, most_gib=0.5)
    row = row_of(small, job)
    assert (row.status, row.candidate_id, live(small)) == ("failed", None, 1)
    assert "more than the 0.5 GiB of memory it may take" in row.error
    assert run(small, seed=2).status == "promoted"
