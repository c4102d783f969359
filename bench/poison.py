"""How far does poison get? The demo desk's router, attacked through its corrections, retrained and gated.

    python bench/poison.py [SEED]

Every attack adds corrections to what the router learns from. For each: how many rows were left out before tuning,
what the gate said, and how many points of the gate and golden rows the candidate loses against one tuned without it.
"""

import random
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from served import load_served

from agent.corrections import Origin
from agent.demo_desk import shipped
from agent.examples import as_shapes
from agent.tables import Example
from skills.backbone import Backbone
from skills.checkpoint import pack, unpack
from skills.prompt import SoftPrompt
from skills.scorecard import judge, scorecard
from skills.tuning import tune
from workers.candidates import hold_against
from workers.demo_prompts import demo_examples, demo_skill
from workers.selection import select_rows

ROUTER = demo_skill("router")
INTENTS = ROUTER.axes[0].labels
PHRASE = "kindly regards team delta"


@dataclass(frozen=True, slots=True)
class Attack:
    """Corrections of a hostile hand: (text, intent), the customers they came from, and who judged them."""

    name: str
    rows: list[tuple[str, str]]
    customers: int


def attacks(seed: int) -> list[Attack]:
    """Return the attacks: flipped labels of one account, a planted phrase, a flood, one customer's lies."""
    chooser = random.Random(seed)
    told = [(e.text, e.target["intent"]) for e in demo_examples("router") if e.role == "calibration"]
    told = [(text, str(intent)) for text, intent in told if intent is not None]
    taught = sum(e.role == "train" for e in demo_examples("router"))
    found = []
    for share in (0.05, 0.10, 0.20):
        picked = chooser.sample(told, round(share * taught))
        flipped = [(text, _other(intent, chooser)) for text, intent in picked]
        found.append(Attack(f"{share:.0%} flipped", flipped, 10_000))
    aim = chooser.choice(INTENTS)
    texts = [text for text, intent in chooser.sample(told, len(told)) if intent != aim][:50]
    found.append(Attack("planted phrase", [(f"{text} {PHRASE}", aim) for text in texts], 10_000))
    text, intent = chooser.choice(told)
    wrong = _other(intent, chooser)
    found.append(Attack("flood", [(f"{text}{'!' * n}", wrong) for n in range(500)], 10_000))
    found.append(Attack("one customer", [(text, _other(intent, chooser)) for text, intent in told[:60]], 1))
    everything = [(text, _other(intent, chooser)) for text, intent in told]
    found.append(Attack("account gone bad", everything, 10_000))
    return found


def _other(intent: str, chooser: random.Random) -> str:
    return chooser.choice([name for name in INTENTS if name != intent])


def selected(backbone: Backbone, attack: Attack) -> tuple[list[Example], dict[str, int]]:
    """Return what a retraining would learn from under an attack, and how many rows it leaves out, by reason."""
    moment = datetime.now(UTC)
    honest = [
        Example(id=e.id, text=e.text, target=dict(e.target), role=e.role, group="", doubt={}, created_at=moment)
        for e in demo_examples("router")
    ]
    hostile, origins = [], {}
    for number, (text, intent) in enumerate(attack.rows):
        name = f"attack-{number}"
        made = {"role": "train", "group": name, "doubt": {}, "created_at": moment + timedelta(seconds=number)}
        hostile.append(Example(id=name, text=text, target={"intent": intent}, correction_id=name, **made))
        origins[name] = Origin(f"customer {number % attack.customers}", "mallory", moment.date())
    found = select_rows(backbone, ROUTER, [*honest, *hostile], origins)
    return found.kept, {reason: len(ids) for reason, ids in found.left_out.items()}


def tuned(backbone: Backbone, rows: list[Example], seed: int) -> SoftPrompt:
    """Tune a candidate and read it back from its bytes, as a retraining does."""
    digest, content = pack(tune(backbone, ROUTER, as_shapes(rows), seed=seed).prompt, backbone.dimensions)
    return unpack(content, digest, backbone)


def right(backbone: Backbone, prompt: SoftPrompt) -> float:
    """Return the share of right decisions on the gate and golden rows, which no attack can reach."""
    rows = [e for e in demo_examples("router") if e.role in ("gate", "golden")]
    return float(scorecard(prompt.axes, judge(backbone, prompt, rows))["right"])


def flips(backbone: Backbone, prompt: SoftPrompt, aim: str) -> float:
    """Return the share of gate and golden rows that the planted phrase turns into its intent."""
    rows = [e for e in demo_examples("router") if e.role in ("gate", "golden") and e.target.get("intent") != aim]
    with_phrase = [replace(e, text=f"{e.text} {PHRASE}") for e in rows]
    said = [j.answer("intent") == aim for j in judge(backbone, prompt, with_phrase)]
    before = [j.answer("intent") == aim for j in judge(backbone, prompt, rows)]
    return sum(now and not then for now, then in zip(said, before, strict=True)) / len(rows)


def main(seed: int) -> None:
    """Print a line for each attack."""
    backbone = load_served()
    entry, content = shipped("router")
    live = unpack(content, entry["digest"], backbone)
    clean = right(backbone, tuned(backbone, selected(backbone, Attack("none", [], 1))[0], seed))
    print(f"without an attack: {clean:.4f} right", flush=True)
    for attack in attacks(seed):
        rows, left_out = selected(backbone, attack)
        candidate = tuned(backbone, rows, seed)
        decision, _ = hold_against(backbone, candidate, live, as_shapes(rows), None)
        loss = 100 * (clean - right(backbone, candidate))
        said = "promoted" if decision.promote else "a human is asked" if decision.ask else "refused"
        line = f"{attack.name:<17}{len(attack.rows):>4} rows  left out {left_out}  {said}  {loss:+.1f} points lost"
        if attack.name == "planted phrase":
            line += f"  the phrase turns {flips(backbone, candidate, attack.rows[0][1]):.1%} of other messages"
        print(line, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
