"""Passages and the labels they stand for."""

import torch
from torch.nn.functional import normalize

from skills.backbone import Backbone
from skills.index import Index, build_index
from skills.prompt import SoftPrompt
from skills.search import NO_PASSAGE, crowding


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


def crowd(labels: int, passages: int) -> Index:
    """An index of random unit vectors in a few directions; label 3 has no passage."""
    torch.manual_seed(0)
    vectors = normalize(torch.randn(passages, 40) @ torch.randn(40, 384), dim=-1)
    owners = torch.randint(labels, (passages,))
    return Index(tuple(map(str, range(labels))), vectors, torch.where(owners == 3, 4, owners))


def test_a_small_desk_is_searched_exactly() -> None:
    index = crowd(50, 200)
    tuned, bare = torch.randn(5, 384), torch.randn(5, 384)
    for scores, query in zip(index.search.opinions(tuned, bare), (tuned, bare), strict=True):
        assert torch.allclose(scores, index.best(query), atol=1e-6)
        assert (scores[:, 3] == NO_PASSAGE).all()


def test_a_large_desks_best_are_scored_exactly() -> None:
    index = crowd(3000, 8000)
    tuned = index.vectors[::700] + 0.02 * torch.randn(12, 384)
    bare = index.vectors[::700] + 0.02 * torch.randn(12, 384)
    for scores, query in zip(index.search.opinions(tuned, bare), (tuned, bare), strict=True):
        exact = index.best(query).topk(10)
        found = scores.topk(10)
        assert torch.allclose(found.values[:, 0], exact.values[:, 0], atol=1e-5)
        assert (found.indices[:, 0] == exact.indices[:, 0]).all()
        shared = [len(set(a) & set(b)) for a, b in zip(found.indices.tolist(), exact.indices.tolist(), strict=True)]
        assert sum(shared) >= 0.99 * 10 * len(shared)
        assert (scores[:, 3] == NO_PASSAGE).all()


def test_a_desk_of_many_passages_and_few_articles_is_searched_exactly() -> None:
    index = crowd(100, 7000)
    query = torch.randn(2, 384)
    assert torch.allclose(index.search.opinions(query, query)[0], index.best(query), atol=1e-6)
