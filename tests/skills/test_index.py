"""Passages and the labels they stand for."""

import torch

from skills.backbone import Backbone
from skills.index import Index, build_index, crowding
from skills.prompt import SoftPrompt


def test_the_best_passage_counts(backbone: Backbone) -> None:
    index = build_index(
        backbone,
        {"pin": ("How do I change my PIN?", "new secret number"), "fees": ("What does it cost?",)},
    )
    scores = index.best(backbone.embed(["how can I get a new secret number", "what does it cost"]))
    assert scores.argmax(1).tolist() == [0, 1]
    assert scores[1, 1] > scores[1, 0] + 0.5


def test_unknown_labels_are_left_out_when_extending(backbone: Backbone) -> None:
    index = build_index(backbone, {"pin": ("How do I change my PIN?",)})
    more = index.extended(backbone.embed(["a", "b"]), ["gone", "pin"])
    assert len(more.vectors) == 2
    assert index.extended(backbone.embed(["a"]), ["gone"]) is index


def test_an_article_left_out_is_never_the_answer(backbone: Backbone) -> None:
    index = build_index(backbone, {"pin": ("How do I change my PIN?",), "fees": ("What does it cost?",)})
    query = backbone.embed(["How do I change my PIN?"])
    assert index.best(query).argmax(1).tolist() == [0]
    assert index.without({"pin"}).best(query).argmax(1).tolist() == [1]
    assert index.without(set()).best(query).argmax(1).tolist() == [0]


def test_an_empty_index_answers_nothing(backbone: Backbone) -> None:
    index = build_index(backbone, {})
    assert index.best(backbone.embed(["anything"])).shape == (1, 0)


def test_the_bank_of_a_prompt_joins_the_live_index(search_prompt: SoftPrompt, tiny: Backbone) -> None:
    index = build_index(tiny, {"pin": ("change my PIN",), "fees": ("costs",), "new": ("just written",)})
    joined = search_prompt.indexed(index)
    assert joined.labels == ("pin", "fees", "new")
    assert len(joined.vectors) == 3 + 3
    bank = search_prompt.head["bank.vectors"]
    assert torch.allclose(joined.nearest(bank)[[0, 1, 2], [0, 1, 0]], torch.ones(3), atol=1e-5)


def test_one_odd_phrasing_does_not_decide_alone() -> None:
    """A label is as near as the mean of its nearest passage and the centre of all of them."""
    right, up = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    slanted = torch.tensor([0.8, 0.6])
    index = Index(("odd", "steady", "empty"), torch.stack([slanted, up, right]), torch.tensor([0, 0, 1]))
    query = slanted[None]
    assert index.nearest(query).argmax().item() == 0
    centre = torch.nn.functional.normalize(slanted + up, dim=0)
    crowd = crowding(torch.tensor(2))
    expected = torch.tensor([[(1 + slanted @ centre) / 2 - crowd, slanted @ right, -1.0]])
    assert torch.allclose(index.best(query), expected)


def test_many_passages_are_worth_a_little_less_each() -> None:
    """An article that is new and was never asked about must not lose to crowded neighbours by chance."""
    assert crowding(torch.tensor([0, 1])).tolist() == [0.0, 0.0]
    assert crowding(torch.tensor(10)) > crowding(torch.tensor(5)) > 0
