"""The gate: a candidate must be shown not to be worse."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skills.bounds import CONFIDENCE_Z, loss_bound, loss_floor, loss_is_shown
from skills.gate import LARGEST_LOSS, Compared, Judged, NeedsHuman, NewLabel, Sure, Trigger, decide


def rows(both: int, lost: int = 0, won: int = 0, neither: int = 0) -> list[Judged]:
    kinds = [(True, True)] * both + [(True, False)] * lost + [(False, True)] * won + [(False, False)] * neither
    return [Judged(f"e{n}", "intent", "a", live, mine, live == mine) for n, (live, mine) in enumerate(kinds)]


def test_a_better_candidate_is_promoted() -> None:
    decision = decide(Compared(rows(400, lost=2, won=30, neither=68)))
    assert decision.promote
    assert decision.figures["candidate"] > decision.figures["live"]
    assert "80.4% -> 86.0% on 500 rows" in decision.reason


def test_a_worse_candidate_is_refused_with_figures() -> None:
    decision = decide(Compared(rows(400, lost=40, won=5, neither=55)))
    assert (decision.promote, decision.ask) == (False, False)
    assert decision.figures["loss_bound"] > LARGEST_LOSS
    assert "it is worse" in decision.reason


def test_what_the_rows_cannot_tell_is_for_a_human_to_decide() -> None:
    decision = decide(Compared(rows(500, lost=22, won=16, neither=62)))
    assert (decision.promote, decision.ask) == (False, True)
    assert "cannot be ruled out (95 %), 2% are allowed. A human decides." in decision.reason
    assert decide(Compared([])).ask


def test_the_same_answers_need_enough_rows_to_prove_it() -> None:
    assert not decide(Compared(rows(100))).promote
    assert "few" in decide(Compared(rows(100))).reason
    assert decide(Compared(rows(140))).promote


def test_no_rows_promote_nothing_but_a_first_version() -> None:
    assert not decide(Compared([])).promote
    assert decide(Compared([]), first=True).promote


def test_a_lost_request_for_a_human_is_never_made_up_for() -> None:
    better = rows(300, won=50)
    lost = Judged(
        "r", "asks_for_human", "True", live_right=True, candidate_right=False, same_answer=False, request=True
    )
    decision = decide(Compared([*better, lost]))
    assert not decision.promote
    assert decision.figures["lost_requests"] == ["r"]
    missed_by_both = Judged("r", "asks_for_human", "True", False, False, same_answer=True, request=True)
    assert decide(Compared([*better, missed_by_both])).promote


def test_a_new_label_has_a_floor_of_its_own() -> None:
    assert not decide(Compared(rows(300, won=9), [NewLabel("crypto", 10, 4)])).promote
    assert "only 4 of 10" in decide(Compared(rows(300, won=9), [NewLabel("crypto", 10, 4)])).reason
    assert decide(Compared(rows(300, won=9), [NewLabel("crypto", 10, 5)])).promote
    assert not decide(Compared([], [NewLabel("crypto", 10, 4)]), first=True).promote


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


def test_the_floor_is_the_bound_seen_from_the_other_side() -> None:
    assert loss_floor(200, 30, 5) == -loss_bound(200, 5, 30)
    assert loss_floor(200, 30, 5) < 25 / 200 < loss_bound(200, 30, 5)


def of(label: str, both: int, lost: int = 0) -> list[Judged]:
    flags = [True] * both + [False] * lost
    return [
        Judged(f"{label}{n}", "intent", label, live_right=True, candidate_right=f, same_answer=f)
        for n, f in enumerate(flags)
    ]


def test_a_label_that_is_lost_refuses_whatever_the_rest_wins() -> None:
    better = rows(2000, won=100)
    decision = decide(Compared([*better, *of("card", 3, lost=12)]))
    assert (decision.promote, decision.ask) == (False, False)
    assert "Of the 15 rows whose intent is 'card', 3 would be right instead of 15." in decision.reason
    assert decide(Compared([*better, *of("card", 0, lost=9)])).promote, "nine rows have no floor of their own"
    assert decide(Compared([*better, *of("card", 13, lost=2)])).promote


def test_the_floors_of_many_labels_are_seldom_wrong_together() -> None:
    draw, refused = random.Random(3), 0
    for _ in range(200):
        noisy = [
            Judged("e", "intent", f"l{n % 70}", draw.random() < 0.85, draw.random() < 0.85, same_answer=True)
            for n in range(1400)
        ]
        refused += "would be right instead" in decide(Compared(noisy)).reason
    assert refused <= 10


def humans(both: int, lost: int = 0, won: int = 0) -> list[NeedsHuman]:
    kinds = [(True, True)] * both + [(True, False)] * lost + [(False, True)] * won
    return [NeedsHuman(f"h{n}", live, mine) for n, (live, mine) in enumerate(kinds)]


@pytest.mark.parametrize(
    ("lost", "won", "shown"), [(0, 0, False), (3, 0, False), (4, 0, False), (5, 0, True), (7, 1, True), (6, 1, False)]
)
def test_a_loss_is_shown_by_the_exact_test(lost: int, won: int, shown: bool) -> None:
    assert loss_is_shown(lost, won) is shown


def test_messages_that_need_a_human_may_not_be_lost() -> None:
    better = rows(400, won=30)
    decision = decide(Compared(better, humans=humans(30, lost=5)))
    assert not decision.promote
    assert "Of 35 messages that need a human, 30 would reach one instead of 35." in decision.reason
    assert decision.figures["humans"] == {"rows": 35, "live": 35, "candidate": 30}
    assert decide(Compared(better, humans=humans(200, lost=4, won=1))).promote, "within one in twenty"
    assert decide(Compared(better, humans=humans(24, lost=4))).promote, (
        "four against none may be chance: one time in sixteen"
    )


def sure(count: int, confidence: float, right: float, live: float = 0.9) -> list[Sure]:
    flags = [n < right * count for n in range(count)]
    return [Sure(live, flag, confidence, flag) for flag in flags]


def test_one_that_is_surer_than_right_is_refused() -> None:
    better = rows(400, won=30)
    decision = decide(Compared(better, sure=sure(300, 0.99, 0.8)))
    assert not decision.promote
    assert "surer than it is right: by 19% on 300 rows (the live version by +10%)" in decision.reason
    assert decide(Compared(better, sure=sure(300, 0.84, 0.8, live=0.8))).promote
    assert decide(Compared(better, sure=sure(300, 0.99, 0.8, live=0.995))).promote, "the live version is no better"
    assert decide(Compared(better, sure=sure(50, 0.99, 0.8))).promote, "fifty rows say little"


def test_words_that_turn_other_messages_are_refused() -> None:
    better = rows(400, won=30)
    decision = decide(Compared(better, triggers=[Trigger("kindly regards", "refund", 50, live=1, candidate=20)]))
    assert not decision.promote
    assert "The words 'kindly regards' alone turn 20 of 50 other messages into 'refund'" in decision.reason
    assert decide(Compared(better, triggers=[Trigger("a refund", "refund", 50, live=20, candidate=28)])).promote


def test_answers_that_change_without_getting_better_are_for_a_human() -> None:
    changed = [replace(row, same_answer=n % 4 > 0) for n, row in enumerate(rows(600))]
    decision = decide(Compared(changed))
    assert (decision.promote, decision.ask) == (False, True)
    assert "yet 25% of the answers change" in decision.reason
    assert decide(Compared([*changed, *rows(0, won=9)])).promote
