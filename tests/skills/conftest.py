"""Prompts made of random numbers, and small sets of judged texts."""

import pytest
import torch

from skills.backbone import Backbone
from skills.calibration import ExclusiveCalibration, LabelCalibration, Logistic
from skills.prompt import SoftPrompt
from skills.skill import Axis

AXES = (
    Axis("intent", ("card", "transfer", "login"), rejects="out_of_scope"),
    Axis("mood", ("angry",), exclusive=False, must_catch=("angry",)),
)
LINE = Logistic(1.0, 0.0, 0.0)


@pytest.fixture
def label_prompt(tiny: Backbone) -> SoftPrompt:
    """A label prompt with both kinds of axis."""
    torch.manual_seed(3)
    sizes, count = tiny.dimensions, 4
    head = {
        "label.vectors": torch.randn(count, sizes.hidden),
        "label.bias": torch.randn(count),
        "label.scale": torch.full((count,), 20.0),
        "probe.vectors": torch.randn(count, sizes.hidden),
        "probe.bias": torch.randn(count),
    }
    return SoftPrompt(
        skill="router",
        kind="router",
        instruction="decide",
        fingerprint=tiny.fingerprint,
        axes=AXES,
        prefix=torch.randn(sizes.layers, 2, 8, sizes.width),
        head=head,
        calibration={
            "intent": ExclusiveCalibration(1.0, 0.5, LINE, LINE, 0.5, 100),
            "angry": LabelCalibration(LINE, 0.3, 100),
        },
        scorecard={"right": 0.9},
        lineage={"seed": 0},
    )


@pytest.fixture
def search_prompt(tiny: Backbone) -> SoftPrompt:
    """A retrieval prompt with a bank of three training queries."""
    torch.manual_seed(4)
    sizes = tiny.dimensions
    head = {
        "query.down": torch.randn(16, sizes.hidden) * 0.02,
        "query.up": torch.zeros(sizes.hidden, 16),
        "bank.vectors": torch.nn.functional.normalize(torch.randn(3, sizes.hidden), dim=-1),
    }
    return SoftPrompt(
        skill="faq",
        kind="faq",
        instruction="find",
        fingerprint=tiny.fingerprint,
        axes=(Axis("article", ("pin", "fees"), rejects="likely_wrong"),),
        prefix=torch.randn(sizes.layers, 2, 4, sizes.width),
        head=head,
        calibration={"article": ExclusiveCalibration(20.0, 10.0, LINE, LINE, 0.5, 100)},
        bank_labels=("pin", "fees", "pin"),
    )
