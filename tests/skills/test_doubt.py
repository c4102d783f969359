"""Labels that neighbours speak against."""

import torch

from skills.doubt import doubtful
from skills.kinds import make_skill
from skills.skill import Example

CORNERS = {"card": 0, "login": 1, "fees": 2}


def rows(*labels: str | None) -> tuple[list[Example], torch.Tensor]:
    """Five texts in the corner of each label, then one more in the card corner for every label named."""
    examples = [Example(f"{name} {n}", {"intent": name}) for name in CORNERS for n in range(5)]
    corners = [place for place in CORNERS.values() for _ in range(5)]
    examples += [Example(f"more {n}", {"intent": label}) for n, label in enumerate(labels)]
    states = torch.eye(4)[corners + [0] * len(labels)]
    return examples, states + 0.2 * torch.rand(len(states), 4, generator=torch.Generator().manual_seed(0))


ROUTER = make_skill("router", "router", {"intent": list(CORNERS)}, {})


def test_a_label_far_from_its_own_kind_is_doubted_and_a_right_one_is_not() -> None:
    examples, states = rows("card", "login", "fees")
    assert doubtful(ROUTER, examples, states, range(18)) == {16: {"intent": "card"}, 17: {"intent": "card"}}


def test_only_the_rows_asked_about_are_doubted() -> None:
    examples, states = rows("login", "fees")
    assert doubtful(ROUTER, examples, states, [16]) == {16: {"intent": "card"}}
    assert doubtful(ROUTER, examples, states, []) == {}


def test_out_of_scope_is_a_kind_of_its_own_and_a_new_label_is_given_time() -> None:
    examples, states = rows(None, None)
    assert doubtful(ROUTER, examples, states, [15, 16]) == {}, "two rows are too few to be doubted"
    examples, states = rows(None, None, None, "card")
    assert 18 not in doubtful(ROUTER, examples, states, range(19))


def test_labels_that_hold_or_not_are_doubted_one_by_one_and_what_nobody_said_is_not() -> None:
    mood = make_skill("sentiment", "sentiment", {}, {})
    examples = [Example(f"calm {n}", {"negative": False, "abusive": False}) for n in range(5)]
    examples += [Example(f"angry {n}", {"negative": True}) for n in range(5)]
    examples += [Example("angry too", {"negative": False})]
    states = torch.eye(4)[[0] * 5 + [1] * 6]
    assert doubtful(mood, examples, states, range(11)) == {10: {"negative": True}}


def test_a_search_weighs_the_articles_own_words_too() -> None:
    faq = make_skill("faq", "faq", {}, {"pin": ("pin?", "how pin?", "pin, pin"), "fees": ("fees?", "cost?", "price?")})
    examples = [Example("my pin", {"article": "fees"}), Example("what cost", {"article": "fees"})]
    states, passages = torch.eye(3)[[0, 1]], torch.eye(3)[[0, 0, 0, 1, 1, 1]]
    assert doubtful(faq, examples, states, [0, 1], passages) == {0: {"article": "pin"}}
