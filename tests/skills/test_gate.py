"""The gate: a candidate must be shown not to be worse."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.gate import CONFIDENCE_Z, LARGEST_LOSS, Judged, NewLabel, decide, loss_bound


def rows(both: int, lost: int = 0, won: int = 0, neither: int = 0) -> list[Judged]:
    kinds = [(True, True)] * both + [(True, False)] * lost + [(False, True)] * won + [(False, False)] * neither
    return [Judged(f"e{n}", "intent", "a", live, mine, live == mine) for n, (live, mine) in enumerate(kinds)]


def test_a_better_candidate_is_promoted() -> None:
    decision = decide(rows(400, lost=2, won=30, neither=68))
    assert decision.promote
    assert decision.figures["candidate"] > decision.figures["live"]
    assert "80.4% -> 86.0% on 500 rows" in decision.reason


def test_a_worse_candidate_is_refused_with_figures() -> None:
    decision = decide(rows(400, lost=40, won=5, neither=55))
    assert not decision.promote
    assert decision.figures["loss_bound"] > LARGEST_LOSS
    assert "cannot be ruled out" in decision.reason


def test_the_same_answers_need_enough_rows_to_prove_it() -> None:
    assert not decide(rows(100)).promote
    assert "few" in decide(rows(100)).reason
    assert decide(rows(140)).promote


def test_no_rows_promote_nothing_but_a_first_version() -> None:
    assert not decide([]).promote
    assert decide([], first=True).promote


def test_a_lost_request_for_a_human_is_never_made_up_for() -> None:
    better = rows(300, won=50)
    lost = Judged(
        "r", "asks_for_human", "True", live_right=True, candidate_right=False, same_answer=False, request=True
    )
    decision = decide([*better, lost])
    assert not decision.promote
    assert decision.figures["lost_requests"] == ["r"]
    missed_by_both = Judged("r", "asks_for_human", "True", False, False, same_answer=True, request=True)
    assert decide([*better, missed_by_both]).promote


def test_a_new_label_has_a_floor_of_its_own() -> None:
    assert not decide(rows(300, won=9), [NewLabel("crypto", 10, 4)]).promote
    assert "only 4 of 10" in decide(rows(300, won=9), [NewLabel("crypto", 10, 4)]).reason
    assert decide(rows(300, won=9), [NewLabel("crypto", 10, 5)]).promote
    assert not decide([], [NewLabel("crypto", 10, 4)], first=True).promote


def test_without_disagreement_the_bound_has_a_closed_form() -> None:
    z2 = CONFIDENCE_Z**2
    for count in (10, 133, 1000):
        assert loss_bound(count, 0, 0) == pytest.approx(z2 / (count + z2), rel=1e-6)


@given(st.integers(1, 500), st.data())
def test_the_bound_is_above_what_was_seen_and_falls_with_wins(count: int, data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, count))
    won = data.draw(st.integers(0, count - lost))
    bound = loss_bound(count, lost, won)
    assert bound >= (lost - won) / count - 1e-9
    if won:
        assert bound <= loss_bound(count, lost, won - 1) + 1e-9


def test_nineteen_bounds_of_twenty_cover_the_true_loss() -> None:
    chance = random.Random(7)
    for count, p_lost, p_won in ((200, 0.05, 0.02), (600, 0.03, 0.03)):
        covered = 0
        for _ in range(800):
            draws = [chance.random() for _ in range(count)]
            lost = sum(d < p_lost for d in draws)
            won = sum(p_lost <= d < p_lost + p_won for d in draws)
            covered += loss_bound(count, lost, won) >= p_lost - p_won
        assert covered / 800 > 0.93
