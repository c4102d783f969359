"""A desk of very many articles: real questions of public data sets, or, without them, mixtures of the demo desk's.

DATA holds one folder a set, as bench/prepare.py lists them.
"""

import random
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from prepare import read

from skills.skill import render

SHORTEST = 4
"""Words below which a turn ("yes please") is no article's question."""
INTENTS = ("banking77/train", "clinc150/full_train", "hwu64/train_fold3-10", "natcs/dev-insurance")
TURNS = ("airline", "fastfood", "finance", "insurance", "media", "software")
HELD_OUT = ("clinc150/full_val", "hwu64/dev_fold2")
Passages = dict[str, tuple[str, ...]]


def many_articles(data: Path, count: int, asked: int) -> tuple[Passages, list[str]]:
    """Return that many articles of one to three passages, and texts that none of them holds."""
    queries = [row["text"] for name in HELD_OUT for row in read(data / f"{name}.jsonl.gz")]
    groups = _grouped(data) if data.is_dir() else []
    if not groups:
        raise FileNotFoundError(data)
    random.Random(0).shuffle(groups)
    held, seen, found = {render(text) for text in queries}, set(), {}
    for group in groups:
        fresh = tuple(text for text in dict.fromkeys(group) if text not in seen and text not in held)
        seen.update(fresh)
        if fresh and len(found) < count:
            found[f"article-{len(found)}"] = fresh
    random.Random(1).shuffle(queries)
    return found, queries[:asked]


def _grouped(data: Path) -> list[tuple[str, ...]]:
    """Return groups of texts that mean about the same."""
    rows = read(data / "dstc9_faq" / "faq_kb.jsonl.gz")
    groups = [(render(f"{row['question']} ({row['entity']})"), render(row["answer"])) for row in rows]
    for name in INTENTS:
        groups += _cut([(row["intent"], row["text"]) for row in read(data / f"{name}.jsonl.gz")])
    for name in TURNS:
        turns = [turn for row in read(data / "multidogo" / f"{name}.jsonl.gz") for turn in row["customer_turns"]]
        groups += _cut([(" ".join(turn["intents"]), turn["text"]) for turn in turns])
    return groups + [(render(row["text"]),) for row in read(data / "goemotions" / "train.jsonl.gz")]


def _cut(rows: list[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    """Cut the texts of each label into groups of one, two and three."""
    by_label: dict[str, list[str]] = {}
    for label, text in rows:
        if len(text.split()) >= SHORTEST:
            by_label.setdefault(label, []).append(render(text))
    sizes = cycle((1, 2, 3))
    for texts in by_label.values():
        left = list(dict.fromkeys(texts))
        while left:
            size = next(sizes)
            yield tuple(left[:size])
            left = left[size:]
