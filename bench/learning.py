"""Does the review queue teach faster than chance? A new desk learns from conversations; an oracle reviews them.

    python bench/learning.py --data FOLDER [--only SET] [--seeds N] [--rounds N] [--threads N]

A desk starts with three examples an intent, 150 rows that calibrate and 400 that gate. In every round 300 messages
come in, each a customer's conversation of its own, read by the live version through the whole turn. The oracle judges
50 turns with their true intents: the first 50 of the product's review queue, or, on a second desk that starts and
goes on the same, 50 drawn from all that nobody judged. The router is retrained, gated and promoted by the function
that the Celery task calls; where the gate asks a human, the oracle says yes to what it has not seen to be worse. This
goes on until the live version has 90 % of the accuracy that the whole stream with its true intents gives.

Accuracy is the share of held-out messages whose intent is said right. The sets are BANKING77 and the two industries of
multidogo in which one intent has the least of the rows.
"""

import argparse
import json
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from prepare import read
from sqlalchemy import select

from agent.conversations import Said
from agent.corrections import correct, find_skill
from agent.database import Database
from agent.desks import add_intent, make_desk
from agent.examples import add_example
from agent.office import Office, close_office, open_office
from agent.releases import read_artefact
from agent.retrainings import approve, open_retraining
from agent.review import review_queue
from agent.schema_revision import migrate
from agent.settings import Settings
from agent.tables import Correction, Message, Retraining, Turn, Version
from agent.turn import take_turn
from skills.backbone import Backbone
from skills.checkpoint import unpack
from skills.kinds import make_skill
from skills.meanings import Meanings
from skills.prompt import SoftPrompt
from skills.scorecard import judge
from skills.skill import Example
from skills.tuning import tune
from workers.retraining import run_retraining

SHOTS, CALIBRATION, GATE, TEST, COMING, JUDGED = 3, 150, 400, 1000, 300, 50
FEWEST = 20
"""Rows below which an intent of a set is left out."""
GOAL = 0.9
Rows = list[tuple[str, str]]
Choose = Callable[[Office, str, random.Random], list[str]]


@dataclass(frozen=True, slots=True)
class Cut:
    """A set's rows by what they are for."""

    start: Rows
    calibration: Rows
    gate: Rows
    stream: Rows
    test: Rows

    @property
    def intents(self) -> list[str]:
        """Every intent there is."""
        return sorted({intent for _, intent in self.start})


def banking77(data: Path) -> Rows:
    """BANKING77's train rows."""
    return [
        (row["text"], row["intent"].lower().replace("?", "")) for row in read(data / "banking77" / "train.jsonl.gz")
    ]


def multidogo(industry: str) -> Callable[[Path], Rows]:
    """One industry's customer turns with exactly one intent, each text once."""

    def rows(data: Path) -> Rows:
        turns = [turn for row in read(data / "multidogo" / f"{industry}.jsonl.gz") for turn in row["customer_turns"]]
        once = {turn["text"].strip().casefold(): turn for turn in reversed(turns) if len(turn["intents"]) == 1}
        return [(turn["text"], turn["intents"][0]) for turn in once.values()]

    return rows


SETS = {"banking77": banking77, "fastfood": multidogo("fastfood"), "media": multidogo("media")}


def cut(rows: Rows, seed: int) -> Cut:
    """Cut a set: test, gate and calibration rows as they come, three of each intent to start with, the rest comes."""
    mixed = random.Random(seed).sample(rows, len(rows))
    counts = {intent: sum(own == intent for _, own in mixed) for _, intent in mixed}
    mixed = [row for row in mixed if counts[row[1]] >= FEWEST]
    test, gate, calibration, rest = _parts(mixed, TEST, GATE, CALIBRATION)
    start, stream, taken = [], [], dict.fromkeys(counts, 0)
    for row in rest:
        taken[row[1]] += 1
        (start if taken[row[1]] <= SHOTS else stream).append(row)
    return Cut(start, calibration, gate, stream, test)


def _parts(rows: Rows, *sizes: int) -> Iterator[Rows]:
    for size in sizes:
        yield rows[:size]
        rows = rows[size:]
    yield rows


@contextmanager
def desk(cut_: Cut) -> Iterator[tuple[Office, str]]:
    """Open an installation of its own with the new desk and its first version; give the office and the desk's id."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), redis_url="redis://127.0.0.1:1/0", torch_threads=torch.get_num_threads())
        migrate(settings.database)
        database = Database(settings.database, pool=1)
        with database.writing() as session:
            made = make_desk(session, "new", "New").id
            for intent in cut_.intents:
                add_intent(session, made, intent, {"action": "label"})
            router = find_skill(session, made, "router")
            for role, rows in (("train", cut_.start), ("calibration", cut_.calibration), ("gate", cut_.gate)):
                for text, intent in rows:
                    add_example(session, router, text, {"intent": intent}, "import", role)
        database.close()
        office = open_office(settings)
        try:
            retrain(office, made)
            yield office, made
        finally:
            close_office(office)


def retrain(office: Office, desk_id: str) -> str:
    """Retrain the router; say yes where the gate asks and has seen nothing worse; return how it ended."""
    with office.database.writing() as session:
        run_id = open_retraining(session, find_skill(session, desk_id, "router"), "call", "oracle").id
    run_retraining(office, run_id)
    with office.database.writing() as session:
        run = session.get_one(Retraining, run_id)
        figures = run.decision.get("figures", {})
        if run.status == "held" and figures.get("candidate", 0) >= figures.get("live", 1):
            approve(session, run, "oracle")
            return "approved"
        return run.status


def from_queue(office: Office, desk_id: str, _chance: random.Random) -> list[str]:
    """Return the turns that the product's queue shows first."""
    meanings = Meanings(office.backbone, office.reader)
    with office.database.reading() as session:
        return [item.turn.id for item in review_queue(session, desk_id, JUDGED, meanings)]


def at_random(office: Office, desk_id: str, chance: random.Random) -> list[str]:
    """Return as many turns that nobody judged, drawn from all of them."""
    judged = select(Correction.turn_id).where(Correction.desk_id == desk_id)
    with office.database.reading() as session:
        turns = list(session.scalars(select(Turn.id).where(Turn.id.not_in(judged)).order_by(Turn.created_at, Turn.id)))
    return chance.sample(turns, min(JUDGED, len(turns)))


ORDERS: dict[str, Choose] = {"queue": from_queue, "random": at_random}


def live(office: Office, desk_id: str) -> SoftPrompt:
    """Return the router's live prompt, read back from its bytes of record."""
    with office.database.reading() as session:
        version = session.get_one(Version, find_skill(session, desk_id, "router").live_version_id)
    return unpack(read_artefact(office.database, version.digest), version.digest, office.backbone)


def accuracy(backbone: Backbone, prompt: SoftPrompt, rows: Rows) -> float:
    """Return the share of rows whose intent is said right."""
    examples = [Example(text, {"intent": intent}) for text, intent in rows]
    said = [judgement.verdicts[0].label for judgement in judge(backbone, prompt, examples)]
    return sum(label == intent for label, (_, intent) in zip(said, rows, strict=True)) / len(rows)


def full_accuracy(backbone: Backbone, cut_: Cut, seed: int) -> float:
    """Return the accuracy of one tuning on everything the stream would bring, with its true intents."""
    rows = [(row, "train") for row in (*cut_.start, *cut_.stream)] + [(row, "calibration") for row in cut_.calibration]
    examples = [Example(text, {"intent": intent}, role) for (text, intent), role in rows]
    router = make_skill("router", "router", {"intent": cut_.intents}, {})
    return accuracy(backbone, tune(backbone, router, examples, seed=seed).prompt, cut_.test)


def learn(name: str, order: str, cut_: Cut, goal: float, rounds: int, seed: int) -> list[dict[str, Any]]:
    """Let a desk learn in one order until it reaches the goal; return a line a round."""
    truth, chance, stream = dict(cut_.stream), random.Random(seed), iter(cut_.stream)
    with desk(cut_) as (office, desk_id):
        lines = [{"corrections": 0, "accuracy": accuracy(office.backbone, live(office, desk_id), cut_.test)}]
        while lines[-1]["accuracy"] < goal and len(lines) <= rounds:
            for _, (text, _) in zip(range(COMING), stream, strict=False):
                take_turn(office, desk_id, Said(text, "chat"))
            chosen = ORDERS[order](office, desk_id, chance)
            with office.database.writing() as session:
                router = find_skill(session, desk_id, "router")
                for turn in (session.get_one(Turn, turn_id) for turn_id in chosen):
                    intent = truth[session.get_one(Message, turn.message_id).text]
                    correct(session, turn, router, {"intent": intent}, f"oracle of round {len(lines)}")
            ended = retrain(office, desk_id)
            office.releases.refresh(desk_id)
            reached = accuracy(office.backbone, live(office, desk_id), cut_.test)
            lines.append({"corrections": lines[-1]["corrections"] + len(chosen), "accuracy": reached, "ended": ended})
            told = f"{lines[-1]['corrections']:>4} corrections  {reached:.4f}  {ended}"
            print(f"{name} seed {seed} {order:<6} {told}", flush=True)
    return lines


def needed(lines: list[dict[str, Any]], goal: float) -> float | None:
    """Return how many corrections it took to reach the goal, between rounds by the straight line; None: never."""
    for before, after in pairwise(lines):
        if after["accuracy"] >= goal:
            share = (goal - before["accuracy"]) / (after["accuracy"] - before["accuracy"])
            return before["corrections"] + max(share, 0.0) * (after["corrections"] - before["corrections"])
    return 0.0 if lines[0]["accuracy"] >= goal else None


def measure(name: str, data: Path, rounds: int, seed: int) -> dict[str, Any]:
    """Measure one set with one seed: both orders against the same goal."""
    cut_ = cut(SETS[name](data), seed)
    with desk(cut_) as (office, _):
        full = full_accuracy(office.backbone, cut_, seed)
    goal = GOAL * full
    print(f"{name} seed {seed}: {len(cut_.stream)} rows give {full:.4f}; the goal is {goal:.4f}", flush=True)
    lines = {order: learn(name, order, cut_, goal, rounds, seed) for order in ORDERS}
    took = {order: needed(found, goal) for order, found in lines.items()}
    ours, chance = took["queue"], took["random"]
    ratio = ours / chance if ours is not None and chance else None
    said = {order: "never" if value is None else f"{value:.0f}" for order, value in took.items()}
    more = f"ratio {ratio:.2f}" if ratio is not None else "no ratio"
    print(f"{name} seed {seed}: queue {said['queue']}, random {said['random']} corrections  {more}", flush=True)
    return {"full": full, "goal": goal, "rounds": lines, "needed": took, "ratio": ratio}


def main() -> None:
    """Measure the sets asked for, print them and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).parent
    parser.add_argument("--data", type=Path, default=here.parent.parent / "shared" / "data", help="folder of the sets")
    parser.add_argument("--only", action="append", choices=list(SETS), metavar="SET", help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=1, help="how many, from 0 (1)")
    parser.add_argument("--rounds", type=int, default=16, help="at most so many of 50 corrections (16)")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="of the machine (2)")
    parser.add_argument("--out", type=Path, default=here / ".results" / "learning.json")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    table = {}
    for name in asked.only or SETS:
        table[name] = [measure(name, asked.data, asked.rounds, seed) for seed in range(asked.seeds)]
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(table, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
