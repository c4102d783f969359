"""Texts of different lengths as one rectangle."""

import pytest
import torch

from skills.padding import Texts, pad, pool, round_up


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("lengths", [[3, 5, 1], [4, 4], [9, 200, 30]])
def test_what_is_packed_comes_back_in_its_place_and_padding_is_nought(lengths: list[int], rounded: bool) -> None:
    _, mask = pad([[7] * length for length in lengths])
    texts, padded = Texts(mask, rounded), torch.randn(mask.numel(), 6)
    packed = texts.of(padded)
    assert len(packed) == (round_up(sum(lengths)) if rounded else sum(lengths))
    assert torch.equal(texts.spread(packed), padded * mask.flatten()[:, None])


@pytest.mark.parametrize("rounded", [False, True])
def test_texts_are_repeated_for_those_who_read_them(rounded: bool) -> None:
    _, mask = pad([[7] * 3, [7] * 5])
    texts, padded = Texts(mask, rounded), torch.randn(mask.numel(), 6)
    states, further = texts.repeated(texts.of(padded), whose := torch.tensor([1, 0, 1]))
    expected = (padded * mask.flatten()[:, None]).view(2, 5, 6)[whose]
    assert torch.equal(further.spread(states).view(3, 5, 6), expected)


def test_few_numbers_of_tokens_are_multiplied() -> None:
    found = [round_up(tokens) for tokens in range(1, 1025)]
    assert all(tokens <= up < 1.35 * tokens + 8 for tokens, up in enumerate(found, 1))
    assert len(set(found)) == 36


def test_a_text_is_the_mean_of_its_real_tokens() -> None:
    states = torch.tensor([[[1.0], [3.0], [100.0]], [[2.0], [4.0], [6.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert pool(states, mask).tolist() == [[2.0], [4.0]]
