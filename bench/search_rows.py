"""Article search on public data: the skill against the cosine of the frozen embedding, query by query."""

import random
from pathlib import Path

import numpy as np
from prepare import read, stratified

from skills import evaluation
from skills.arms import read_search, tune_arms
from skills.backbone import Backbone
from skills.index import build_index
from skills.kinds import make_skill
from skills.skill import Example, Skill
from skills.targets import encode

FOLDS, PHRASINGS, DRAWS = 5, 5, 2000
Scores = dict[str, dict[str, float | None]]
Asked = dict[str, list[np.ndarray]]


def covid_faq(backbone: Backbone, data: Path, seed: int) -> Scores:
    """covid_faq: a third of the articles is hidden; the others' paraphrases are scored by cross-validation.

    Each fold's questions belong to articles of which no question was learnt; the index holds every article that
    is not hidden. Questions on hidden articles have no answer; they are cut by article in the same way.
    """
    bank = read(data / "covid_faq" / "faq_bank_cdc.jsonl.gz")
    asked = [row for row in read(data / "covid_faq" / "question_pairs.jsonl.gz") if row["similar"] == 1]
    ids = sorted(row["faq_id"] for row in bank)
    random.Random(seed).shuffle(ids)
    hidden, fold = set(ids[: len(ids) // 3]), {name: place % FOLDS for place, name in enumerate(ids)}
    passages = {row["faq_id"]: (row["question"],) for row in bank if row["faq_id"] not in hidden}
    skill, found = make_skill("faq", "faq", {}, passages), Pool()
    for number in range(FOLDS):
        sides = [[row for row in asked if (fold[row["faq_id"]] == number) == held] for held in (False, True)]
        train, test = ([_question(row["user_question"], row["faq_id"], hidden) for row in side] for side in sides)
        found.add(backbone, skill, train, test, seed)
    return found.scores(seed)


def banking77_articles(backbone: Backbone, data: Path, seed: int) -> Scores:
    """BANKING77: intents as articles of a title and five phrasings, which are all there is to learn from.

    A third of the intents has no article. Half of those lend phrasings that have no answer to the training
    side; the questions of the other half are asked. The test side is that of the intent rows.
    """
    train, test = stratified(read(data / "banking77" / "train.jsonl.gz"), "intent", 0.2, 0)
    names, chooser = sorted({row["intent"] for row in train}), random.Random(seed)
    chooser.shuffle(names)
    hidden = names[: len(names) // 3]
    known, unseen = set(hidden[: len(hidden) // 2]), set(hidden[len(hidden) // 2 :])
    passages = {name: (name.replace("_", " "),) for name in names if name not in hidden}
    phrasings = [row for name in names for row in chooser.sample([r for r in train if r["intent"] == name], PHRASINGS)]
    taught = [_question(r["text"], r["intent"], set(hidden)) for r in phrasings if r["intent"] not in unseen]
    asked = [_question(r["text"], r["intent"], set(hidden)) for r in test if r["intent"] not in known]
    found = Pool()
    more = {name: [r["text"] for r in phrasings if r["intent"] == name] for name in passages}
    found.add(backbone, make_skill("faq", "faq", {}, passages), taught, asked, seed, more)
    return found.scores(seed)


def _question(text: str, article: str, hidden: set[str]) -> Example:
    return Example(text, {"article": None if article in hidden else article})


class Pool:
    """What every arm, and the frozen cosine, made of all the questions of all the folds."""

    def __init__(self) -> None:
        self._arms: dict[str, Asked] = {}
        self._cosine: list[np.ndarray] = []

    def add(
        self,
        backbone: Backbone,
        skill: Skill,
        train: list[Example],
        test: list[Example],
        seed: int,
        more: dict[str, list[str]] | None = None,
    ) -> None:
        """Tune on one fold and keep what is said of its questions. `more`: passages the cosine sees as well."""
        axis, passages = skill.axes[0], skill.passages or {}
        coded = encode(axis, test)
        seen = {name: (*texts, *(more or {}).get(name, ())) for name, texts in passages.items()}
        bare = backbone.embed([example.text for example in test])
        nearest = build_index(backbone, seen).nearest(bare).argmax(1).numpy()
        self._cosine.append((nearest == coded)[coded >= 0])
        for name, arm in tune_arms(backbone, skill, train, test, seed).items():
            rank, kept, score = read_search(axis, arm, test)
            asked = self._arms.setdefault(name, {"rank": [], "answerable": [], "score": []})
            for key, values in (("rank", rank), ("answerable", kept), ("score", score)):
                asked[key].append(values)

    def scores(self, seed: int) -> Scores:
        """Return every arm's figures: R@1, its gain over the cosine with a 95 % bootstrap interval, abstention."""
        cosine = np.concatenate(self._cosine)
        joined = {name: {key: np.concatenate(parts) for key, parts in a.items()} for name, a in self._arms.items()}
        return {name: _figures(asked, cosine, seed) for name, asked in joined.items()}


def _figures(asked: dict[str, np.ndarray], cosine: np.ndarray, seed: int) -> dict[str, float | None]:
    won = (asked["rank"] == 1).astype(float) - cosine
    draws = np.random.default_rng(seed).choice(won, (DRAWS, len(won))).mean(1)
    return {
        "questions": float(len(won)),
        "recall_at_1": evaluation.recall_at(asked["rank"], 1),
        "recall_at_3": evaluation.recall_at(asked["rank"], 3),
        "cosine_at_1": float(cosine.mean()),
        "gain": float(won.mean()),
        "gain_low": float(np.quantile(draws, 0.025)),
        "gain_high": float(np.quantile(draws, 0.975)),
        "abstain_auroc": evaluation.auroc(asked["answerable"], asked["score"]),
    }
