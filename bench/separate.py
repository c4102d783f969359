"""Sixty-four requests at the same moment, each for one skill of one message: our batcher against peft behind a lock.

    python bench/separate.py [--quick] [--json]

Both sides are asked by the same 64 client threads and compute in the same single thread, which is what a lock makes
of peft as well: threads that each bring helpers of their own would slow both (docs/decisions/0006).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from figures import Figure, show
from forwards import GOALS, MESSAGES, PAIRS, QUICK_PAIRS, SKILLS, Served, draw_prompts, less_time
from torch import Tensor

from agent import demo
from skills.backbone import Backbone, Row
from skills.batching import Batcher
from skills.loading import load_backbone
from skills.peft_prefix import load_for_training


class OneByOne:
    """peft where the batcher expects a backbone: one skill set and one forward for each row."""

    def __init__(self, served: Served, skill_of: dict[int, int]) -> None:
        self._served, self._skill_of = served, skill_of

    def forward(self, rows: Sequence[Row]) -> Tensor:
        """Return `[B, H]`."""
        return torch.cat([self._served.read(self._skill_of[id(row.prefix)], [row.tokens]) for row in rows])


class Either:
    """Reads with the side whose turn it is."""

    def __init__(self, backbone: Backbone, other: OneByOne) -> None:
        self.sides, self.chosen = (backbone, other), 0

    def forward(self, rows: Sequence[Row]) -> Tensor:
        """Return `[B, H]`."""
        return self.sides[self.chosen].forward(rows)


def measure(quick: bool) -> list[Figure]:
    """Return how many times less time the batcher takes for all 64."""
    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    backbone = load_backbone()
    skills = draw_prompts(backbone, SKILLS)
    texts = backbone.tokenize([row["text"] for row in demo.read("gate.jsonl")[:MESSAGES]])
    rows = [Row(text, prompt) for text in texts for prompt in skills]
    peft = OneByOne(Served(backbone, load_for_training(backbone)), {id(one): n for n, one in enumerate(skills)})
    either = Either(backbone, peft)
    batcher = Batcher(either, cores)
    with ThreadPoolExecutor(len(rows)) as clients:

        def ask(side: int) -> None:
            either.chosen = side
            list(clients.map(lambda row: batcher.forward([row]), rows))

        what = "64 separate requests: peft, a lock, 64 forwards, times less"
        count, goal = QUICK_PAIRS if quick else PAIRS, GOALS[backbone.dtype].separate
        found = less_time(what, lambda: ask(0), lambda: ask(1), count, goal)
    batcher.close()
    return [found]


if __name__ == "__main__":
    show(__doc__, measure)
