"""A claim that does not hold says so."""

from dataclasses import replace

import pytest
import torch

from agent.tables import Version
from frostdesk.claims import claim_on_retrained, claims_on_neighbours
from skills.backbone import Backbone, Row
from skills.prompt import SoftPrompt
from workers.isolation import Answers, Observation, SkillSeen, row_under


def prompt(backbone: Backbone, seed: int, length: int = 8) -> SoftPrompt:
    """A prompt that is a prefix of random numbers."""
    torch.manual_seed(seed)
    prefix = torch.randn(backbone.dimensions.layers, 2, length, backbone.dimensions.width)
    return SoftPrompt("mood", "sentiment", "decide", backbone.fingerprint, (), prefix, {}, {})


@pytest.fixture
def seen(tiny: Backbone) -> Observation:
    """One skill that was seen to read fifty messages."""
    other = prompt(tiny, 1)
    tokens = tuple(tiny.tokenize([f"message {'again ' * (number % 7)}{number}" for number in range(50)], 8))
    states = tiny.forward([row_under(other, row) for row in tokens])
    answers = Answers(other, states, (), ())
    return Observation(
        "files", "memory", tokens, tiny.forward([Row(row) for row in tokens]), {"mood": SkillSeen(1, "bytes", answers)}
    )


def test_rows_beside_another_prompt_are_as_before(tiny: Backbone, seen: Observation) -> None:
    beside, swapped = claims_on_neighbours(tiny, seen, prompt(tiny, 2), prompt(tiny, 3))
    assert (beside.holds, beside.figures["rows"], beside.figures["allowed"]) == (True, 100, 5e-6)
    assert (swapped.holds, swapped.figures["rows"]) == (True, 100)
    [alone] = claims_on_neighbours(tiny, seen, None, prompt(tiny, 3))
    assert alone == beside
    assert len(claims_on_neighbours(tiny, seen, prompt(tiny, 2, length=3), prompt(tiny, 3))) == 1, (
        "another shape of batch"
    )


def test_one_state_that_differs_by_more_than_rounding_is_named(tiny: Backbone, seen: Observation) -> None:
    seen.bare[17, 5] += 1e-3
    beside, swapped = claims_on_neighbours(tiny, seen, prompt(tiny, 2), prompt(tiny, 3))
    assert beside.differences == ["Rows beside the new prompt's differ by 0.001; 5e-06 is allowed."]
    assert swapped.holds


def test_a_candidate_that_is_what_was_live_is_named(tiny: Backbone) -> None:
    old = (Version(number=1, digest="a" * 64), prompt(tiny, 2))
    moved = (Version(number=2, digest="b" * 64), prompt(tiny, 3))
    assert claim_on_retrained("faq", old, moved).holds
    assert claim_on_retrained("faq", None, moved).holds
    said = ["Version 2 of 'faq' is the same prompt as version 1."]
    assert claim_on_retrained("faq", old, (moved[0], old[1])).differences == said
    assert claim_on_retrained("faq", old, (Version(number=2, digest="a" * 64), moved[1])).differences == said
    longer = replace(moved[1], prefix=prompt(tiny, 3, length=9).prefix)
    assert claim_on_retrained("faq", old, (moved[0], longer)).figures["prefix_moved"] is None
