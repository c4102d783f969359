"""The rows of the skill table: public data as skills, train rows and test rows, scored by all four arms."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from budget_cuts import budget_cuts
from conversations import star_failures
from intents import judged, router
from prepare import NEGATIVE, read, stratified
from search_rows import banking77_articles, covid_faq
from sklearn.metrics import average_precision_score

from skills.arms import Arm, draw_shots, label_arms, tune_arms
from skills.backbone import Backbone
from skills.budget import upper_bound
from skills.calibration import LabelCalibration
from skills.evaluation import auroc
from skills.kinds import make_skill
from skills.kinds.sentiment import asks_plainly
from skills.skill import Axis, Example, Skill
from workers.demo_prompts import demo_examples, demo_skill

Scores = dict[str, dict[str, float | None]]
Told = list[tuple[str, bool]]
Run = Callable[[Backbone, Path, int], Scores]
TONE = make_skill("sentiment", "sentiment", {}, {})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: its data folders, its measure, the metrics shown, and what is aimed at."""

    folders: tuple[str, ...]
    run: Run
    metrics: tuple[str, ...]
    goal: str
    seeded: bool = True


def demo(backbone: Backbone, _data: Path, seed: int) -> Scores:
    """The topics of the demo desk's tickets: shipped train and calibration rows, scored on its gate rows."""
    skill = demo_skill("classification")
    told = [e for e in demo_examples("classification") if "topic" in e.target]
    rows = [replace(e, target={"topic": e.target["topic"]}) for e in told]
    train, test = ([row for row in rows if row.role in roles] for roles in (("train", "calibration"), ("gate",)))
    topics = tuple(axis for axis in skill.axes if axis.name == "topic")
    return label_arms(backbone, replace(skill, axes=topics), train, test, seed)


def banking77(shots: int | None) -> Run:
    """BANKING77: its train file cut 80/20 within every intent (seed 0); `shots` rows an intent are drawn."""

    def run(backbone: Backbone, data: Path, seed: int) -> Scores:
        rows, asked = stratified(read(data / "banking77" / "train.jsonl.gz"), "intent", 0.2, 0)
        train = draw_shots(judged(rows), "intent", shots, seed) if shots else judged(rows)
        return label_arms(backbone, router(rows), train, judged(asked), seed)

    return run


def clinc150(backbone: Backbone, data: Path, seed: int) -> Scores:
    """CLINC150: the train file with its 100 out-of-scope rows; the validation file as test."""
    train, test = (read(data / "clinc150" / f"full_{name}.jsonl.gz") for name in ("train", "val"))
    return label_arms(backbone, router(train), judged(train), judged(test), seed)


def mood(
    name: str, train: list[tuple[str, bool]], test: list[tuple[str, bool]]
) -> tuple[Skill, list[Example], list[Example]]:
    """Return a skill of one label that holds or not, and both sides' examples."""
    skill = replace(TONE, axes=(Axis("mood", (name,), exclusive=False, must_catch=(name,)),))
    sides = [[Example(text, {name: holds}) for text, holds in side] for side in (train, test)]
    return skill, sides[0], sides[1]


def goemotions(backbone: Backbone, data: Path, seed: int) -> Scores:
    """GoEmotions: is any of eleven negative emotions felt? Every train row; the dev file as test."""
    names = {True: "positive", False: "negative"}
    skill = replace(TONE, axes=(Axis("felt", tuple(names.values())),))
    sides = []
    for name in ("train", "dev"):
        rows = read(data / "goemotions" / f"{name}.jsonl.gz")
        sides.append([Example(r["text"], {"felt": names[bool(NEGATIVE & set(r["emotions"]))]}) for r in rows])
    return label_arms(backbone, skill, *sides, seed)


def convabuse(backbone: Backbone, data: Path, seed: int) -> Scores:
    """ConvAbuse: is what a user says to a bot abusive? The train file; the validation file as test."""
    files = [read(data / "convabuse" / f"{name}.jsonl.gz") for name in ("train", "valid")]
    skill, train, test = mood("abusive", *([(row["user"], row["abusive"]) for row in rows] for rows in files))
    truth = np.array([row["abusive"] for row in files[1]])
    found: Scores = {}
    for name, arm in tune_arms(backbone, skill, train, test, seed).items():
        shares = _shares(arm, "abusive")
        precision = float(average_precision_score(truth, shares))
        found[name] = {"auroc": auroc(truth, shares), "average_precision": precision, "train_seconds": arm.seconds}
    return found


def _shares(arm: Arm, label: str) -> np.ndarray:
    """Return the probability that a label holds for each test row."""
    line = arm.calibration[label]
    assert isinstance(line, LabelCalibration)
    return line.platt(arm.prompt[:, 0], arm.bare[:, 0])


def handoff(backbone: Backbone, data: Path, seed: int) -> Scores:
    """Asks for a human: each publisher's texts are scored by a skill that saw only the others'.

    Scores are pooled over the publishers. An explicit request is `missed` if neither the
    skill's own threshold nor the plain words catch it.
    """
    rows = [row for name in ("positives", "negatives") for row in read(data / "handoff" / f"{name}.jsonl.gz")]
    publishers = sorted({row["source"].split("/")[0] for row in rows})
    pooled: dict[str, list[tuple[float, bool, bool, bool, bool]]] = {}
    for publisher in publishers:
        inside = [row["source"].split("/")[0] == publisher for row in rows]
        others, own = ([r for r, i in zip(rows, inside, strict=True) if i == side] for side in (False, True))
        sides = [[(row["text"], row["handoff"]) for row in side] for side in (others, own)]
        skill, train, test = mood("asks_for_human", *sides)
        for name, arm in tune_arms(backbone, skill, train, test, seed).items():
            pooled.setdefault(name, []).extend(_holds(arm, own))
    return {name: _requests(found) for name, found in pooled.items()}


def _holds(arm: Arm, rows: list[dict[str, Any]]) -> list[tuple[float, bool, bool, bool, bool]]:
    """Return, by row: probability, caught by the skill, said in plain words, truth, explicit request."""
    line = arm.calibration["asks_for_human"].threshold
    return [
        (float(share), bool(share >= line), asks_plainly(r["text"]), r["handoff"], bool(r.get("explicit")))
        for share, r in zip(_shares(arm, "asks_for_human"), rows, strict=True)
    ]


def _requests(found: list[tuple[float, bool, bool, bool, bool]]) -> dict[str, float | None]:
    shares, caught, plain, truth, explicit = (np.array(column) for column in zip(*found, strict=True))
    missed = int((explicit & ~caught & ~plain).sum())
    return {
        "average_precision": float(average_precision_score(truth, shares)),
        "explicit": float(explicit.sum()),
        "missed": float(missed),
        "missed_bound": upper_bound(int(explicit.sum()), missed, delta=0.05),
        "missed_by_skill": float((explicit & ~caught).sum()),
        "false_alarms": float(((caught | plain) & ~truth).sum() / (~truth).sum()),
    }


INTENT_METRICS = ("accuracy", "ece", "train_seconds")
BUDGETS = ("violations", "redrawn", "guaranteed", "coverage", "error")
SEARCH_METRICS = ("recall_at_1", "cosine_at_1", "gain", "gain_low", "abstain_auroc")
ROWS: dict[str, Row] = {
    "demo": Row((), demo, INTENT_METRICS, "a small row for continuous integration"),
    "banking77": Row(("banking77",), banking77(None), INTENT_METRICS, "skill >= probe + .012, ece <= .03"),
    "banking77-10": Row(("banking77",), banking77(10), INTENT_METRICS, "skill >= probe + .024"),
    "banking77-13": Row(("banking77",), banking77(13), INTENT_METRICS, "1,001 examples: train_seconds <= 60"),
    "banking77-5": Row(("banking77",), banking77(5), INTENT_METRICS, "skill >= probe + .021"),
    "clinc150": Row(
        ("clinc150",),
        clinc150,
        ("accuracy", "oos_recall", "oos_auroc", "in_scope_kept", "ece", "train_seconds"),
        "accuracy .96, oos_recall .66, oos_auroc .97, ece <= .03",
    ),
    "goemotions": Row(
        ("goemotions",),
        goemotions,
        ("auroc", "f1", "ece", "train_seconds"),
        "auroc .91, f1 .66, prompt >= no_prefix + .05, ece <= .03",
    ),
    "handoff": Row(
        ("handoff",),
        handoff,
        ("average_precision", "explicit", "missed", "missed_bound", "missed_by_skill", "false_alarms"),
        "average_precision .95, missed 0",
    ),
    "convabuse": Row(("convabuse",), convabuse, ("auroc", "average_precision", "train_seconds"), "auroc .93"),
    "covid_faq": Row(("covid_faq",), covid_faq, SEARCH_METRICS, "gain .03 with gain_low > 0, abstain_auroc .90"),
    "banking77-faq": Row(
        ("banking77",), banking77_articles, SEARCH_METRICS, "gain .03 with gain_low > 0, abstain_auroc .90"
    ),
    "star": Row(("star",), star_failures, ("auroc",), "above the turn count", seeded=False),
    "budget-banking77": Row(("banking77",), budget_cuts("banking77"), BUDGETS, "violations <= .05"),
    "budget-clinc150": Row(("clinc150",), budget_cuts("clinc150"), BUDGETS, "violations <= .05"),
}
