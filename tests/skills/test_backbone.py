"""The mixed forward: every row as if it were alone."""

from typing import Any

import pytest
import torch
from torch import Tensor

from skills.backbone import Backbone, Row
from skills.errors import BackboneChanged
from skills.loading import load_backbone
from skills.padding import round_up
from tests.alteration import alter_one_number

TEXTS = [
    "my card",
    "please tell me why my transfer to Spain is still pending after three days",
    "hi",
    "where?",
]
EXACT = 5e-6
"""Largest difference of a float32 state element between a row alone and among others."""
ROUGH = 0.06
"""The same in bfloat16 (8 bits of mantissa, states around 1)."""


def rows(backbone: Backbone) -> list[Row]:
    """Rows with prompts of different lengths and depths, one with none, one with shifted positions."""
    sizes = backbone.dimensions
    torch.manual_seed(1)
    long, short = (torch.randn(sizes.layers, 2, p, sizes.width) for p in (12, 3))
    tokens = backbone.tokenize(TEXTS, 12)
    return [
        Row(tokens[0], long),
        Row(tokens[0], long[2:]),
        Row(tokens[1], short[2:]),
        Row(tokens[0]),
        Row(tokens[1]),
        Row(tokens[2], short, "after_prefix"),
        Row(tokens[3], short),
    ]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", EXACT), ("bfloat16", ROUGH)])
def test_a_row_does_not_depend_on_its_neighbours(precision: str, tolerance: float) -> None:
    backbone = load_backbone(precision=precision)  # type: ignore[arg-type]
    mixed = rows(backbone)
    together = backbone.forward(mixed)
    alone = torch.cat([backbone.forward([row]) for row in mixed])
    assert (together - alone).abs().max() < tolerance
    assert (backbone.forward(mixed[::-1]).flip(0) - together).abs().max() < tolerance


def test_prompts_change_what_is_read_and_positions_matter(exact_backbone: Backbone) -> None:
    mixed = rows(exact_backbone)
    late = mixed[-2]
    prompted, bare, shifted, zero = exact_backbone.forward(
        [mixed[0], Row(mixed[0].tokens), late, Row(late.tokens, late.prefix)]
    )
    assert (prompted - bare).abs().max() > 0.1
    assert (shifted - zero).abs().max() > 0.01


def test_skills_that_read_the_same_text_share_the_layers_below_their_prompts(exact_backbone: Backbone) -> None:
    sizes, [text, other] = exact_backbone.dimensions, exact_backbone.tokenize(TEXTS[:2])
    torch.manual_seed(2)
    skills = [torch.randn(4, 2, 8, sizes.width) for _ in range(4)]
    prompted = [Row(tokens, prefix) for tokens in (text, other) for prefix in skills]
    tokens_read: list[int] = []
    encoder = exact_backbone.encoder
    through = encoder._through

    def counted(layer: Any, states: Tensor, *rest: Any) -> Tensor:
        tokens_read.append(len(states))
        return through(layer, states, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "_through", counted)
        exact_backbone.forward([Row(text), *prompted, Row(other)])
    once = len(text) + len(other)
    assert tokens_read == [round_up(once), round_up(once), *[round_up(5 * once)] * 4]


def test_large_batches_come_back_in_order(exact_backbone: Backbone) -> None:
    texts = [f"question number {n} " + "word " * (n % 30) for n in range(150)]
    together = exact_backbone.embed(texts)
    for place in (0, 77, 149):
        assert (together[place] - exact_backbone.embed([texts[place]])[0]).abs().max() < EXACT


def test_long_texts_are_cut_and_keep_their_end_mark(backbone: Backbone) -> None:
    ids = backbone.tokenize(["word " * 5000], 8)[0]
    assert len(ids) == 256
    assert ids[-1] == backbone.tokenize(["x"])[0][-1]


def test_a_short_backbone_leaves_room_for_the_prompt(tiny: Backbone) -> None:
    assert len(tiny.tokenize(["word " * 500], 8)[0]) == 64 - 8


def test_no_rows_give_no_states(backbone: Backbone) -> None:
    assert backbone.forward([]).shape == (0, backbone.dimensions.hidden)


@pytest.mark.parametrize("name", ["3.expand.weight", "0.attention_in.weight", "words"])
def test_a_changed_weight_is_noticed(name: str) -> None:
    backbone = load_backbone(precision="float32")
    backbone.verify()
    alter_one_number(backbone, name)
    with pytest.raises(BackboneChanged, match="changed in memory"):
        backbone.verify()


def test_weights_take_no_gradient(backbone: Backbone) -> None:
    assert not any(tensor.requires_grad for tensor in backbone.encoder.tensors().values())
