"""Does sampling noise alone pass the gate? The demo desk's skills, tuned on the same data with new seeds.

    python bench/gate.py [SEEDS]

Each candidate is held against the shipped prompt (seed 0) exactly as a retraining holds it.
"""

import sys

from served import load_served

from agent import demo
from agent.demo_desk import shipped
from skills.checkpoint import unpack
from skills.index import build_index
from workers.candidates import hold_against
from workers.demo_prompts import SKILLS, build_prompt, demo_examples, demo_skill


def main(seeds: int) -> None:
    """Print a line for each run, and how many passed."""
    backbone, passed = load_served(), 0
    hands_over = {intent["name"] for intent in demo.desk()["intents"] if intent["action"] == "hand_over"}
    for name in SKILLS:
        skill, (entry, content) = demo_skill(name), shipped(name)
        live = unpack(content, entry["digest"], backbone)
        index = build_index(backbone, skill.passages) if skill.passages else None
        for seed in range(1, seeds + 1):
            digest, candidate, _ = build_prompt(backbone, name, seed)
            held = unpack(candidate, digest, backbone)
            decision, _ = hold_against(backbone, held, live, demo_examples(name), index, hands_over)
            passed += decision.promote
            print(
                f"{name:<15} seed {seed}  {'passed ' if decision.promote else 'refused'}  {decision.reason}", flush=True
            )
    print(f"{passed} of {seeds * len(SKILLS)} passed")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
