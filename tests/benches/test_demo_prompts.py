"""The shipped prompts are what their examples teach."""

import pytest

from agent.demo_desk import shipped
from skills.backbone import Backbone
from workers.demo_prompts import build_prompt

TOLERANCE = 0.03
"""Of the main metric: other processors round otherwise. The router and sentiment take minutes; `make demo-prompts` prints them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["classification", "faq"])
def test_training_from_the_shipped_examples_reaches_the_shipped_scorecard(backbone: Backbone, name: str) -> None:
    _, content, card = build_prompt(backbone, name)
    entry, bytes_of_record = shipped(name)
    assert card["right"] == pytest.approx(entry["scorecard"]["right"], abs=TOLERANCE)
    assert card["rows"] == entry["scorecard"]["rows"]
    assert len(content) == pytest.approx(len(bytes_of_record), rel=0.01)
