"""The arms of the training bench, each run in a process of its own: what a retraining costs, and how right it is.

Peak memory is the process's own greatest resident size, so nothing else may have run in it.
"""

import random
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from full_tuning import FullRecipe, FullTuning
from intents import judged, router
from prepare import read, stratified
from served import load_served
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from skills import DEFAULT_BACKBONE
from skills.arms import draw_shots
from skills.backbone import Backbone, Row
from skills.calibration import ExclusiveCalibration
from skills.checkpoint import pack
from skills.loading import find_folder
from skills.recipe import Recipe
from skills.skill import Example, Skill, render
from skills.targets import encode
from skills.tuning import Tuned, tune
from workers.demo_prompts import demo_examples, demo_skill

SHOTS, QUICK_SHOTS, QUICK_TESTS, QUICK_EPOCHS = 13, 2, 60, 1
SETFIT_SECONDS, QUICK_SECONDS, WARM_STEPS = 60.0, 5.0, 3
FEW_LABELS = 3
PAGE, MIB = resource.getpagesize(), 1024**2


@dataclass(frozen=True, slots=True)
class Cut:
    """One exclusive axis to learn: what every arm reads, and what it is scored on."""

    name: str
    skill: Skill
    train: list[Example]
    test: list[Example]

    def targets(self, side: list[Example]) -> list[int]:
        """Return label numbers, -1 for a text that has none."""
        return [int(code) for code in encode(self.skill.axes[0], side)]


def cut(data: Path | None, quick: bool) -> Cut:
    """Draw 13 examples an intent of BANKING77's train file; a fifth of that file, cut off before, is held out.

    Without the data, and when it must be quick, the demo desk's router: its train rows, its gate rows held out.
    """
    if data and (data / "banking77").is_dir() and not quick:
        rows, asked = stratified(read(data / "banking77" / "train.jsonl.gz"), "intent", 0.2, 0)
        return Cut("banking77", router(rows), draw_shots(judged(rows), "intent", SHOTS, 0), judged(asked))
    told = [example for example in demo_examples("router") if example.target["intent"] is not None]
    train, test = ([e for e in told if e.role == role] for role in ("train", "gate"))
    if quick:
        train, test = draw_shots(train, "intent", QUICK_SHOTS, 0), random.Random(0).sample(test, QUICK_TESTS)
    return Cut("demo router", demo_skill("router"), train, test)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an arm is to do; full fine-tuning stops at the accuracy `goal`."""

    cut: Cut
    seed: int = 0
    goal: float = 1.0
    quick: bool = False


@dataclass(slots=True)
class Cost:
    """Seconds, seconds of all cores and MiB of a block: what the process grew by, and its greatest size."""

    seconds: float = 0.0
    cores: float = 0.0
    grown: float = 0.0
    peak: float = 0.0


@contextmanager
def costing() -> Iterator[Cost]:
    """Measure a block. Linux counts the peak over the process's whole life, in KiB."""
    cost = Cost()
    before = int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / MIB
    start, worked = time.perf_counter(), time.process_time()
    yield cost
    cost.seconds, cost.cores = time.perf_counter() - start, time.process_time() - worked
    cost.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost.grown = cost.peak - before


def ours(asked: Asked) -> dict[str, Any]:
    """tune() with its defaults: choice of the recipe, probe, cross-fitting and calibration included."""
    backbone = load_served()
    with costing() as cost:
        recipe = replace(Recipe.for_rows(len(asked.cut.train)), epochs=QUICK_EPOCHS) if asked.quick else None
        tuned = tune(backbone, asked.cut.skill, asked.cut.train, recipe, asked.seed)
    return {
        **asdict(cost),
        "accuracy": accuracy(backbone, tuned, asked.cut),
        "bytes": len(pack(tuned.prompt, backbone.dimensions)[1]),
        "examples": len(asked.cut.train),
        "labels": len(asked.cut.skill.labels),
        "dtype": str(backbone.dtype).removeprefix("torch."),
    }


def accuracy(backbone: Backbone, tuned: Tuned, told: Cut) -> float:
    """Return the share of held-out texts whose greatest fused score is their label's."""
    prompt, lines = tuned.prompt, tuned.prompt.calibration[told.skill.axes[0].name]
    assert isinstance(lines, ExclusiveCalibration)
    tokens = backbone.tokenize([render(example.text) for example in told.test], prompt.length)
    read_as = [backbone.forward([Row(row, prefix) for row in tokens]) for prefix in (prompt.prefix, None)]
    prompted, bare = (scores.double().numpy() for scores in prompt.scores(*read_as))
    return float((lines.fused(prompted, bare).argmax(1) == told.targets(told.test)).mean())


def full(asked: Asked) -> dict[str, Any]:
    """Full fine-tuning, stopped after the epoch that reaches `goal`; else the time to its best epoch."""
    backbone, told = load_served(), asked.cut
    sides = [
        (backbone.tokenize([render(example.text) for example in side]), told.targets(side))
        for side in (told.train, told.test)
    ]
    tuning = FullTuning(backbone, len(told.skill.labels), asked.seed)
    recipe = FullRecipe(epochs=QUICK_EPOCHS) if asked.quick else FullRecipe()
    seen = []
    with costing() as cost:
        for epoch in tuning.epochs(*sides, recipe):
            seen.append(epoch)
            if epoch.accuracy >= asked.goal:
                break
    best = max(seen, key=lambda epoch: epoch.accuracy)
    few = FullTuning(backbone, FEW_LABELS, asked.seed)
    return {
        **asdict(cost),
        "seconds": best.seconds,
        "cores": best.cores,
        "epochs": best.number,
        "of_epochs": recipe.epochs,
        "accuracy": best.accuracy,
        "reached": best.accuracy >= asked.goal,
        "bytes": tuning.stored(torch.float16),
        "bytes_float32": tuning.stored(torch.float32),
        "bytes_few": few.stored(torch.float16),
    }


@dataclass(slots=True)
class Pace:
    """The times at which steps ended; says when to stop."""

    limit: float
    total: int = 0
    ends: list[float] = field(default_factory=list)

    def step(self, total: int) -> bool:
        """Note a step; return whether the time is over."""
        self.total = total
        self.ends.append(time.perf_counter())
        return len(self.ends) > 2 * WARM_STEPS and self.ends[-1] - self.ends[0] > self.limit

    @property
    def each(self) -> float:
        """Seconds a step, the first few left out."""
        return (self.ends[-1] - self.ends[WARM_STEPS]) / (len(self.ends) - 1 - WARM_STEPS)


def setfit(asked: Asked) -> dict[str, Any]:
    """Run setfit with its defaults: seconds a step over a few minutes, times the steps it says it will take.

    Its head, fitted afterwards, is left out of the time: an extrapolation in setfit's favour.
    """
    from datasets import Dataset  # noqa: PLC0415 - not a dependency: the arm is left out where it is missing
    from setfit import SetFitModel, Trainer  # noqa: PLC0415

    pace, train = Pace(QUICK_SECONDS if asked.quick else SETFIT_SECONDS), asked.cut.train
    rows = Dataset.from_dict({"text": [e.text for e in train], "label": asked.cut.targets(train)})
    model = SetFitModel.from_pretrained(str(find_folder(DEFAULT_BACKBONE)))
    trainer = Trainer(model=model, train_dataset=rows, callbacks=[_Stop(pace)])
    parameters = trainer.dataset_to_parameters(rows)
    with costing() as cost:
        trainer.train_embeddings(*parameters)
    return {
        **asdict(cost),
        "seconds": pace.each * pace.total,
        "step_seconds": pace.each,
        "steps": pace.total,
        "measured_steps": len(pace.ends),
    }


class _Stop(TrainerCallback):
    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    def on_step_end(
        self, _arguments: TrainingArguments, state: TrainerState, control: TrainerControl, **_others: object
    ) -> None:
        control.should_training_stop = self._pace.step(state.max_steps)


ARMS = {"ours": ours, "full": full, "setfit": setfit}
