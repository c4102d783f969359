"""Sixty-four requests at the same moment, each for one skill of one message: our batcher against peft behind a lock.

    python bench/separate.py [--quick] [--json]

Ours is asked by 64 client threads. peft's 64 requests come one after the other, as a lock lets them, each computing on
all threads; they are spared the client threads.
"""

from concurrent.futures import ThreadPoolExecutor

import torch
from figures import Figure, show
from forwards import GOALS, MESSAGES, PAIRS, QUICK_PAIRS, SKILLS, Served, draw_prompts, less_time
from served import load_served

from agent import demo
from skills.backbone import Row
from skills.batching import Batcher
from skills.peft_prefix import load_for_training


def measure(quick: bool) -> list[Figure]:
    """Return how many times less time the batcher takes for all 64."""
    backbone = load_served()
    skills = draw_prompts(backbone, SKILLS)
    texts = backbone.tokenize([row["text"] for row in demo.read("gate.jsonl")[:MESSAGES]])
    rows = [Row(text, prompt) for text in texts for prompt in skills]
    served = Served(backbone, load_for_training(backbone))
    batcher = Batcher(backbone, lanes=torch.get_num_threads())
    with ThreadPoolExecutor(len(rows)) as clients:

        def ours() -> None:
            list(clients.map(lambda row: batcher.forward([row]), rows))

        def theirs() -> None:
            for text in texts:
                for skill in range(SKILLS):
                    served.read(skill, [text])

        what = "64 separate requests: peft, a lock, 64 forwards, times less"
        count, goal = QUICK_PAIRS if quick else PAIRS, GOALS[backbone.dtype].separate
        found = less_time(what, ours, theirs, count, goal)
    batcher.close()
    return [found]


if __name__ == "__main__":
    show(__doc__, measure)
