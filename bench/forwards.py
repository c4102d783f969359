"""Mixed forwards against peft as one would serve it, and against the bare backbone through transformers.

    python bench/forwards.py [--quick] [--json]

Sixteen messages of the demo desk, four skills each, under prompts of the layers in which we tune them; peft's are in
every layer, for it knows no others. What is compared runs alternately in one process, in one number format, on the
same threads; a figure is the median of the pairs' ratios.
"""

import random
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from figures import Figure, paired, show
from peft import PeftModel, PrefixTuningConfig, TaskType, get_peft_model
from served import load_served
from torch import Tensor
from transformers import PreTrainedModel

from agent import demo
from skills.backbone import Backbone, Row
from skills.padding import pad, pool
from skills.peft_prefix import load_for_training
from skills.recipe import Recipe

MESSAGES, SKILLS, PROMPT_TOKENS, DESKS = 16, 4, 8, 1000
PAIRS, QUICK_PAIRS, WARM_UP = 21, 5, 2
Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Goals:
    """What each ratio is held to in one number format (the issue's table)."""

    separate: float
    together: float
    bare: float


GOALS = {torch.bfloat16: Goals(8, 2.2, 0.90), torch.float32: Goals(3.4, 1.09, 0.95)}
ONE_MESSAGE, MANY_DESKS = 1.2, 0.9


class Served:
    """peft as one would serve it: one PeftModel over the backbone, with an active skill."""

    def __init__(self, backbone: Backbone, encoder: PreTrainedModel) -> None:
        config = PrefixTuningConfig(task_type=TaskType.FEATURE_EXTRACTION, num_virtual_tokens=PROMPT_TOKENS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self._model: PeftModel = get_peft_model(encoder, config, adapter_name="0")
            for skill in range(1, SKILLS):
                self._model.add_adapter(str(skill), config)
        self._model.eval().to(backbone.device, backbone.dtype)

    @torch.no_grad()
    def read(self, skill: int, rows: list[tuple[int, ...]]) -> Tensor:
        """Return pooled states `[B, H]` of token rows under one skill."""
        self._model.set_adapter(str(skill))
        tokens, mask = (part.to(self._model.device) for part in pad(rows))
        return pool(self._model(input_ids=tokens, attention_mask=mask).last_hidden_state, mask).cpu()


def pairs_of(ours: Work, theirs: Work, count: int) -> Iterator[tuple[float, float]]:
    """Yield milliseconds of both, measured one straight after the other, in turns of who is first."""
    works = (ours, theirs)
    for number in range(count + WARM_UP):
        taken = [0.0, 0.0]
        for side in (0, 1) if number % 2 else (1, 0):
            start = time.perf_counter()
            works[side]()
            taken[side] = (time.perf_counter() - start) * 1000
        if number >= WARM_UP:
            yield taken[0], taken[1]


def less_time(what: str, ours: Work, theirs: Work, count: int, goal: float | None) -> Figure:
    """Return how many times less time ours takes."""
    mine, other = zip(*pairs_of(ours, theirs, count), strict=True)
    return paired(what, other, mine, "at least", goal)


def bare_reader(encoder: PreTrainedModel, rows: list[tuple[int, ...]]) -> Work:
    """Return one forward of these rows through transformers, without prompts."""
    tokens, mask = (part.to(encoder.device) for part in pad(rows))

    @torch.no_grad()
    def read() -> Tensor:
        return pool(encoder(input_ids=tokens, attention_mask=mask).last_hidden_state, mask).cpu()

    return read


def draw_prompts(backbone: Backbone, count: int, first_layer: int | None = None) -> list[Tensor]:
    """Return random prefixes `[U, 2, P, D]`, each in memory of its own; they begin where we tune them, unless told."""
    sizes, generator = backbone.dimensions, torch.Generator().manual_seed(0)
    first = Recipe(epochs=1).first_layer(sizes.layers) if first_layer is None else first_layer
    shape = (sizes.layers - first, 2, PROMPT_TOKENS, sizes.width)
    return [torch.randn(shape, generator=generator).half() for _ in range(count)]


def measure(quick: bool) -> list[Figure]:
    """Return the rows of the table that are about one forward."""
    backbone = load_served()
    goals, count = GOALS[backbone.dtype], QUICK_PAIRS if quick else PAIRS
    encoder = load_for_training(backbone)
    texts = backbone.tokenize([row["text"] for row in demo.read("gate.jsonl")[:MESSAGES]])
    skills = draw_prompts(backbone, SKILLS)
    rows = [Row(text, prompt) for text in texts for prompt in skills]
    deep = [Row(text, prompt) for text in texts for prompt in draw_prompts(backbone, SKILLS, first_layer=0)]
    bare = bare_reader(encoder, [row.tokens for row in rows])
    found = [
        less_time(
            "64 rows: the bare backbone of transformers, times less",
            lambda: backbone.forward(rows),
            bare,
            count,
            goals.bare,
        ),
        less_time(
            "  with prompts in every layer",
            lambda: backbone.forward(deep),
            bare,
            count,
            None,
        ),
        *_one_message(backbone, encoder, rows, count * 4),
        _many_desks(backbone, rows, count),
    ]
    served = Served(backbone, encoder)

    def by_skill() -> None:
        for skill in range(SKILLS):
            served.read(skill, texts)

    mixed = less_time(
        "64 rows at once: peft, 4 forwards of 16, times less",
        lambda: backbone.forward(rows),
        by_skill,
        count,
        goals.together,
    )
    return [*found, mixed]


def _one_message(backbone: Backbone, encoder: PreTrainedModel, rows: list[Row], count: int) -> list[Figure]:
    """One message under all four skills against one bare forward of it, transformers' and our own."""
    four, alone = rows[:SKILLS], rows[0].tokens
    others = {
        "transformers": (bare_reader(encoder, [alone]), ONE_MESSAGE),
        "our own": (lambda: backbone.forward([Row(alone)]), None),
    }
    found = []
    for name, (other, goal) in others.items():
        mine, theirs = zip(*pairs_of(lambda: backbone.forward(four), other, count), strict=True)
        found.append(paired(f"one message, 4 skills: one bare forward, {name}", mine, theirs, "at most", goal))
    return found


def _many_desks(backbone: Backbone, rows: list[Row], count: int) -> Figure:
    """Throughput with 4,000 live prompts drawn anew for every batch, against the four of one desk."""
    prompts, chooser = draw_prompts(backbone, DESKS * SKILLS), random.Random(0)
    one_desk = [Row(row.tokens, prompt) for row, prompt in zip(rows, prompts[:SKILLS] * MESSAGES, strict=True)]

    def drawn() -> None:
        chosen = chooser.sample(prompts, len(rows))
        backbone.forward([Row(row.tokens, prompt) for row, prompt in zip(one_desk, chosen, strict=True)])

    return less_time(
        "4,000 live prompts: throughput of one desk, times",
        drawn,
        lambda: backbone.forward(one_desk),
        count,
        MANY_DESKS,
    )


if __name__ == "__main__":
    show(__doc__, measure)
