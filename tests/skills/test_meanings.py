"""How near messages are in meaning, whatever their words."""

from collections.abc import Sequence

from torch import Tensor

from skills.backbone import Backbone, Row
from skills.meanings import AT_ONCE, KEPT, Meanings

PETS = ("do you insure pets?", "I want an insurance for my dog")


class Counting:
    """A reader that counts what it reads."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone, self.batches = backbone, [0]

    def forward(self, rows: Sequence[Row]) -> Tensor:
        self.batches.append(len(rows))
        return self.backbone.forward(rows)


def test_the_same_in_other_words_is_near_and_another_matter_is_not(backbone: Backbone) -> None:
    meanings = Meanings(backbone, backbone)
    assert meanings.count_near([*PETS, "what is the capital of Peru"], 0.6) == [2, 2, 1]
    assert meanings.count_near([*PETS, PETS[0]], 0.999) == [2, 1, 2]
    assert meanings.count_near([], 0.6) == []


def test_what_was_read_is_not_read_again_and_what_is_new_is_read_in_small_batches(backbone: Backbone) -> None:
    reader = Counting(backbone)
    meanings = Meanings(backbone, reader)
    texts = [f"question number {n}" for n in range(2 * AT_ONCE + 3)]
    meanings.count_near(texts, 0.6)
    assert reader.batches == [0, AT_ONCE, AT_ONCE, 3]
    meanings.count_near([*texts, "one more"], 0.6)
    assert reader.batches[4:] == [1]


def test_only_the_latest_are_kept(tiny: Backbone) -> None:
    reader = Counting(tiny)
    meanings = Meanings(tiny, reader)
    meanings.count_near([f"text {n}" for n in range(KEPT)], 0.6)
    meanings.count_near(["text 0", "another"], 0.6)
    before = sum(reader.batches)
    meanings.count_near(["text 0"], 0.6)
    assert sum(reader.batches) == before, "used a moment ago"
    meanings.count_near(["text 1"], 0.6)
    assert sum(reader.batches) == before + 1, "the oldest went"
