"""Metrics against values worked out by hand."""

import numpy as np
import pytest

from skills import evaluation


def test_auroc_needs_both_sides() -> None:
    truth = np.array([True, False, True, False])
    assert evaluation.auroc(truth, np.array([0.9, 0.1, 0.8, 0.85])) == 0.75
    assert evaluation.auroc(np.array([True, True]), np.array([0.1, 0.2])) is None


def test_macro_f1_weighs_labels_the_same() -> None:
    assert evaluation.macro_f1(["a", "a", "a", "b"], ["a", "a", "a", "a"]) == pytest.approx((6 / 7 + 0) / 2)


def test_calibration_error_of_a_coin_that_claims_certainty() -> None:
    correct = np.array([True, False] * 50)
    assert evaluation.expected_calibration_error(np.full(100, 1.0), correct) == pytest.approx(0.5)
    assert evaluation.expected_calibration_error(np.full(100, 0.5), correct) == pytest.approx(0.0)


def test_ranks_count_ties_against_us() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.5, 0.5, 0.1], [0.1, 0.5, 0.9]])
    rank = evaluation.ranks(scores, np.array([0, 0, 0]))
    assert rank.tolist() == [1, 2, 3]
    assert evaluation.recall_at(rank, 1) == pytest.approx(1 / 3)
    assert evaluation.recall_at(rank, 2) == pytest.approx(2 / 3)
    assert evaluation.mean_reciprocal_rank(rank) == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
