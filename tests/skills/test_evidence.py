"""Evidence that a candidate is worse: seldom by chance, soon when it is true."""

import random
from functools import cache

import pytest
from scipy.integrate import quad

from agent.tallies import EVIDENCE
from skills.evidence import evidence_of_worse

evidence = cache(evidence_of_worse)  # trials meet the same counts again and again


def most(events: int, chance: float, share: float, seed: int) -> float:
    """Return the greatest evidence of a trial that is looked at after every event."""
    draw, mine, greatest = random.Random(seed), 0, 0.0
    for number in range(1, events + 1):
        mine += draw.random() < chance
        greatest = max(greatest, evidence(mine, number, share))
    return greatest


@pytest.mark.parametrize(("mine", "events", "share"), [(3, 10, 0.25), (9, 10, 0.5), (0, 4, 0.1)])
def test_it_is_the_averaged_likelihood_ratio(mine: int, events: int, share: float) -> None:
    def likelihood(chance: float) -> float:
        return float(chance**mine * (1 - chance) ** (events - mine))

    averaged = quad(likelihood, share, 1)[0] / (1 - share)
    assert evidence_of_worse(mine, events, share) == pytest.approx(averaged / likelihood(share))


def test_nothing_seen_says_nothing_and_much_seen_does_not_overflow() -> None:
    assert evidence_of_worse(0, 0, 0.25) == pytest.approx(1.0)
    assert evidence_of_worse(100_000, 100_000, 0.01) == pytest.approx(1e9)
    assert evidence_of_worse(0, 100_000, 0.25) < 1e-3


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_candidate_that_is_no_worse_seldom_goes_back_however_often_one_looks(share: float) -> None:
    wrongly = sum(most(300, share, share, seed) >= EVIDENCE for seed in range(400))
    assert wrongly <= 400 / EVIDENCE


def test_a_better_one_goes_back_more_seldom_still() -> None:
    assert sum(most(300, 0.15, 0.25, seed) >= EVIDENCE for seed in range(400)) <= 4


def test_one_that_doubles_what_conversations_suffer_goes_back() -> None:
    doubled = 2 * 0.25 / (2 * 0.25 + 0.75)
    assert sum(most(150, doubled, 0.25, seed) >= EVIDENCE for seed in range(100)) >= 90
