"""The FAQ search of a desk with very many articles: its time, what a shortlist misses, and loading with kept vectors.

    python bench/search.py [--quick] [--json] [--data FOLDER]

With DATA (bench/prepare.py lists the sets) the 50,000 articles are real questions, embedded once and kept in
bench/.results (minutes); without it, or with --quick, their vectors are mixtures of the demo desk's questions.
Everything is measured on one thread, as a turn's thread reads.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from figures import Figure, paired, show
from forwards import pairs_of
from many_articles import many_articles
from served import load_served
from torch import Tensor
from torch.nn.functional import normalize

from agent import demo
from agent.demo_desk import shipped
from skills.backbone import Backbone, Row
from skills.calibration import ExclusiveCalibration, top_odds
from skills.checkpoint import unpack
from skills.heads import project_query
from skills.index import Index, build_index
from skills.prompt import SoftPrompt
from skills.vectors import Vectors

MANY, FEW, ASKED, QUICK_ASKED = 50_000, 1_000, 400, 60
SLOWEST, LEAST_RECALL, NO_SLOWER = 5.0, 0.99, 1.0
BANK = 300
KEPT = Path(__file__).parent / ".results" / "vectors"


@dataclass(frozen=True, slots=True)
class Asked:
    """Messages `[N, H]` as the search's prompt reads them, and bare."""

    prompted: Tensor
    bare: Tensor


def measure(quick: bool, data: Path | None = None) -> list[Figure]:
    """Return the rows about a large and a small desk."""
    torch.set_num_threads(1)
    backbone = load_served()
    prompt = _search_prompt(backbone)
    count = QUICK_ASKED if quick else ASKED
    if data is None or quick:
        index, texts = _mixed(backbone), [row["text"] for row in demo.read("gate.jsonl")[:count]]
    else:
        passages, texts = many_articles(data, MANY, count)
        index = build_index(backbone, passages, partial(Vectors(KEPT, backbone).embed, "many"))
    tokens = backbone.tokenize(texts, prompt.length)
    prompted = backbone.forward([Row(row, prompt.prefix, prompt.positions) for row in tokens])
    asked = Asked(prompted, backbone.forward([Row(row) for row in tokens]))
    index = _with_bank(index, asked.bare)
    return [_small(index, prompt, asked), *_large(index, prompt, asked), _loading(backbone)]


def _search_prompt(backbone: Backbone) -> SoftPrompt:
    entry, content = shipped("faq")
    return unpack(content, entry["digest"], backbone)


def _mixed(backbone: Backbone) -> Index:
    """Return 50,000 articles of one to three passages, each between three questions of the demo desk."""
    questions = normalize(backbone.embed([row["text"] for row in demo.read("gate.jsonl")]), dim=-1)
    sizes = list(itertools.islice(itertools.cycle((1, 2, 1, 3, 1)), MANY))
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(len(questions), (sum(sizes), 3), generator=generator)
    weights = torch.rand(sum(sizes), 3, 1, generator=generator)
    vectors = normalize((questions[drawn] * weights).sum(1), dim=-1)
    owners = torch.arange(MANY).repeat_interleave(torch.tensor(sizes))
    return Index(tuple(f"article-{number}" for number in range(MANY)), vectors, owners)


def _with_bank(index: Index, bare: Tensor) -> Index:
    """Return the index with a prompt's training queries: near the articles that the last messages are nearest to."""
    last = bare[-BANK // 3 :]
    labels = [index.labels[place] for place in index.nearest(last).argmax(1).tolist()]
    noise = torch.randn(3 * len(last), bare.shape[1], generator=torch.Generator().manual_seed(1)) * bare.std() * 0.3
    return index.extended(last.repeat(3, 1) + noise, labels * 3)


def _small(index: Index, prompt: SoftPrompt, asked: Asked) -> Figure:
    """A desk of 1,000 articles against the product of all its passages with both queries, and their ten best."""
    kept = index.owners < FEW
    few = Index(index.labels[:FEW], index.vectors[kept], index.owners[kept]).ready()
    tuned = project_query(prompt.head, asked.prompted)
    numbers, rivals = itertools.cycle(range(len(tuned))), itertools.cycle(range(len(tuned)))

    def ours() -> None:
        at = next(numbers)
        for scores in few.search.opinions(tuned[at, None], asked.bare[at, None]):
            scores[0].topk(10)

    def brute_force() -> None:
        at = next(rivals)
        for query in (tuned[at], asked.bare[at]):
            (few.vectors @ normalize(query, dim=-1)).topk(10)

    mine, theirs = zip(*pairs_of(ours, brute_force, 5 * len(tuned)), strict=True)
    return paired(f"search of {FEW:,} articles: brute-force product", mine, theirs, "at most", NO_SLOWER)


def _large(index: Index, prompt: SoftPrompt, asked: Asked) -> list[Figure]:
    """A desk of 50,000: time of a message, and how its best ten and its confidence differ from exact ones."""
    started = time.perf_counter()
    search = index.ready().search
    laid_out = time.perf_counter() - started
    tuned = project_query(prompt.head, asked.prompted)
    taken = [
        _milliseconds(lambda at=at: search.opinions(tuned[at, None], asked.bare[at, None])) for at in range(len(tuned))
    ]
    lines = prompt.calibration[prompt.axes[0].name]
    assert isinstance(lines, ExclusiveCalibration)
    exact = lines.fused(*(scores.double().numpy() for scores in (index.best(tuned), index.best(asked.bare))))
    short = lines.fused(*(scores.double().numpy() for scores in search.opinions(tuned, asked.bare)))
    recall = statistics.fmean(
        len(set(a) & set(b)) / 10 for a, b in zip(_ten_best(exact), _ten_best(short), strict=True)
    )
    apart = np.abs(lines.trust(*top_odds(exact)) - lines.trust(*top_odds(short)))
    what = f"search of {len(index.labels):,} articles"
    spread = (min(taken), sorted(taken)[len(taken) * 9 // 10])
    note = f"{len(index.vectors):,} passages, laid out once in {laid_out:.1f} s"
    return [
        Figure(what, statistics.median(taken), "at most", SLOWEST, spread, "ms", note),
        Figure("  recall of the ten best", recall, "at least", LEAST_RECALL, note=f"{len(tuned)} messages"),
        Figure("  mean difference of the confidence", float(apart.mean()), note=f"at most {apart.max():.3f}"),
    ]


def _loading(backbone: Backbone) -> Figure:
    """Embedding a desk's passages again, when their vectors are kept and when they are not."""
    texts = [row["text"] for row in demo.read("gate.jsonl")]
    with tempfile.TemporaryDirectory() as folder:
        vectors = Vectors(Path(folder), backbone)
        first = _milliseconds(lambda: vectors.embed("desk", texts))
        again = [_milliseconds(lambda: vectors.embed("desk", texts)) for _ in range(5)]
    ratio = statistics.median(again) / first
    return Figure(
        "loading a desk's articles: kept vectors / none", ratio, note=f"{len(texts)} passages, {first:.0f} ms"
    )


def _ten_best(logits: np.ndarray) -> Sequence[Sequence[int]]:
    return np.argpartition(-logits, 10, axis=1)[:, :10].tolist()


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    show(__doc__, measure, data=True)
