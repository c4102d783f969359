"""The error budget: a line is guaranteed only where calibration rows prove it."""

import numpy as np
import pytest

from skills.budget import GRID, UNMEASURED, count_risk, fewest_answers, keep_budget, upper_bound

RANDOM = np.random.default_rng(7)


def drawn(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidences of a decent skill, and whether it was right: a little worse than it believes."""
    confidence = RANDOM.beta(5.0, 0.4, rows)
    return confidence, RANDOM.random(rows) < confidence**1.1


def test_the_grid_goes_from_strict_to_lax() -> None:
    assert list(GRID) == sorted(GRID, reverse=True)
    assert GRID[0] > 0.99
    assert GRID[-1] < 0.1


@pytest.mark.parametrize(("budget", "rows"), [(0.05, 77), (0.01, 390), (0.10, 38)])
def test_how_many_answers_without_an_error_prove_a_budget(budget: float, rows: int) -> None:
    assert fewest_answers(budget) == rows
    assert upper_bound(rows, 0) <= budget < upper_bound(rows - 1, 0)


def test_one_error_needs_a_hundred_and_fifteen_answers() -> None:
    assert upper_bound(115, 1) <= 0.05 < upper_bound(114, 1)


def test_counts_are_of_the_answers_each_line_lets_through() -> None:
    confidence, right = np.array([0.99, 0.9, 0.6, 0.2]), np.array([True, False, True, False])
    risk = count_risk(confidence, np.array([True, True, True, False]), right)
    assert (risk.rows, risk.answered[-1], risk.wrong[-1]) == (4, 3, 1)
    assert (risk.answered[0], risk.wrong[0]) == (0, 0)


def test_the_true_error_exceeds_the_budget_at_most_once_in_twenty() -> None:
    confidence, _ = drawn(100_000)
    broken = []
    for _ in range(400):
        seen, right = drawn(400)
        found = keep_budget(count_risk(seen, np.ones(400, dtype=bool), right), 0.05)
        let_through = confidence[confidence >= found.threshold]
        broken.append(found.guaranteed and 1 - (let_through**1.1).mean() > 0.05)
        assert found.bound is None or not found.guaranteed or found.bound <= 0.05
    assert np.mean(broken) <= 0.05


def test_more_rows_answer_more() -> None:
    few, many = (keep_budget(count_risk(s, np.ones(len(s), dtype=bool), r), 0.05) for s, r in (drawn(150), drawn(5000)))
    assert many.guaranteed
    assert (many.coverage or 0) > (few.coverage or 0)


def test_without_calibration_rows_the_line_is_provisional() -> None:
    found = keep_budget(UNMEASURED, 0.05)
    assert (found.guaranteed, found.threshold, found.rows, found.coverage) == (False, 0.95, 0, None)


def test_too_few_rows_guarantee_nothing() -> None:
    sure = np.full(76, 0.999)
    found = keep_budget(count_risk(sure, np.ones(76, dtype=bool), np.ones(76, dtype=bool)), 0.05)
    assert not found.guaranteed
    assert found.threshold == 0.95
    assert (found.answered, found.error) == (76, 0.0)
