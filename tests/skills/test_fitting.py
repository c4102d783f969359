"""Calibration on rows with a known truth."""

import numpy as np
import pytest

from skills.calibration import log_softmax, sigmoid, top_odds
from skills.evaluation import expected_calibration_error
from skills.fitting import MUST_CATCH_LINE, fit_exclusive, fit_label, fit_logistic

RANDOM = np.random.default_rng(0)


def noisy_scores(rows: int, labels: int, sharp: float) -> tuple[np.ndarray, np.ndarray]:
    truth = RANDOM.integers(0, labels, rows)
    scores = RANDOM.normal(size=(rows, labels))
    scores[np.arange(rows), truth] += sharp
    return scores, truth


def test_confidences_mean_what_they_say() -> None:
    (scores, truth), (bare, _) = noisy_scores(4000, 5, 2.0), noisy_scores(4000, 5, 0.0)
    half = slice(0, 2000)
    lines = fit_exclusive(scores[half] * 7, bare[half], truth[half])
    fused = lines.prompt * scores[2000:] * 7 + lines.bare * bare[2000:]
    confidence = lines.trust(*top_odds(fused))
    assert expected_calibration_error(confidence, fused.argmax(1) == truth[2000:]) < 0.03


def test_a_useless_opinion_gets_little_weight() -> None:
    scores, truth = noisy_scores(2000, 4, 3.0)
    noise = RANDOM.normal(size=scores.shape)
    lines = fit_exclusive(scores, noise, truth)
    assert lines.bare < 0.1 * lines.prompt


def test_an_arm_that_is_off_counts_for_nothing() -> None:
    scores, truth = noisy_scores(500, 3, 2.0)
    lines = fit_exclusive(scores, scores, truth, arms=(False, True))
    assert lines.prompt == 0.0
    assert lines.bare > 0.0
    assert lines.scope.prompt == 0.0


def test_without_out_of_scope_rows_nineteen_of_twenty_stay_in() -> None:
    scores, truth = noisy_scores(1000, 3, 2.0)
    lines = fit_exclusive(scores, scores, truth)
    kept = lines.scope(scores.max(1), scores.max(1)) >= lines.threshold
    assert kept.mean() == pytest.approx(0.95, abs=0.002)


def test_out_of_scope_rows_draw_the_line_between() -> None:
    inside, truth = noisy_scores(600, 3, 4.0)
    outside = RANDOM.normal(size=(200, 3)) - 1
    scores = np.concatenate([inside, outside])
    targets = np.concatenate([truth, np.full(200, -1)])
    lines = fit_exclusive(scores, scores, targets)
    accepted = lines.scope(scores.max(1), scores.max(1)) >= lines.threshold
    assert accepted[:600].mean() > 0.9
    assert accepted[600:].mean() < 0.1


def test_a_label_that_must_be_caught_keeps_its_recall() -> None:
    holds = RANDOM.random(800) < 0.1
    score = RANDOM.normal(size=800) + 2 * holds
    plain = fit_label(score, np.zeros(800), holds, must_catch=False)
    floored = fit_label(score, np.zeros(800), holds, must_catch=True)
    caught = floored.platt(score, np.zeros(800))[holds] >= floored.threshold
    assert caught.mean() >= 0.97
    assert floored.threshold <= plain.threshold


def test_few_held_out_requests_do_not_lift_the_line_of_what_must_be_caught() -> None:
    holds = np.arange(200) < 12
    score = np.where(holds, 5.0, -5.0)
    assert fit_label(score, np.zeros(200), holds, must_catch=False).threshold > MUST_CATCH_LINE
    assert fit_label(score, np.zeros(200), holds, must_catch=True).threshold == MUST_CATCH_LINE


def test_one_sided_truth_gives_a_constant_not_an_error() -> None:
    flat = fit_logistic(np.arange(5.0), np.arange(5.0), np.ones(5, dtype=bool))
    assert flat.prompt == 0.0
    assert flat(np.array([9.0]), np.array([9.0]))[0] == pytest.approx(6 / 7)


def test_the_small_functions_do_not_overflow() -> None:
    assert sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]
    assert np.exp(log_softmax(np.array([[1000.0, 0.0]]))).tolist() == [[1.0, 0.0]]
    assert np.isfinite(top_odds(np.array([[500.0, -500.0]]))[0]).all()
