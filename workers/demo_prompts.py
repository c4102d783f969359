"""Tune the demo desk's four prompts from its shipped examples: `make demo-prompts`."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from agent import demo
from skills import kinds
from skills.backbone import Backbone
from skills.checkpoint import pack, unpack
from skills.index import build_index
from skills.loading import load_backbone
from skills.scorecard import judge, prompt_card
from skills.skill import Example, Skill
from skills.tuning import tune

SKILLS = ("classification", "faq", "router", "sentiment")


def demo_skill(name: str) -> Skill:
    """Return one of the demo desk's skills with its labels and articles."""
    return kinds.make_skill(name, name, demo.labels().get(name, {}), demo.passages())


def demo_examples(name: str) -> list[Example]:
    """Return a demo skill's judged texts as the learning library takes them."""
    return [
        Example(text, target, role, id=f"{name}-{number}")  # type: ignore[arg-type]
        for number, (text, target, role) in enumerate(demo.examples()[name])
    ]


def build_prompt(backbone: Backbone, name: str, seed: int = 0) -> tuple[str, bytes, dict[str, Any]]:
    """Tune one skill; return digest, bytes and the scorecard of the stored prompt on gate and golden rows."""
    skill, examples = demo_skill(name), demo_examples(name)
    tuned = tune(backbone, skill, examples, seed=seed, lineage={"desk": "demo"})
    digest, content = pack(tuned.prompt, backbone.dimensions)
    prompt = unpack(content, digest, backbone)
    index = build_index(backbone, skill.passages) if skill.passages else None
    rows = [example for example in examples if example.role in ("gate", "golden")]
    return digest, content, prompt_card(prompt, judge(backbone, prompt, rows, index))


def main() -> None:
    """Write every prompt and the index that names them."""
    folder = Path(demo.__file__).parent / "prompts"
    folder.mkdir(exist_ok=True)
    backbone, index = load_backbone(), {}
    for name in SKILLS:
        start = time.monotonic()
        digest, content, card = build_prompt(backbone, name)
        (folder / f"{name}.zip").write_bytes(content)
        index[name] = {"digest": digest, "fingerprint": backbone.fingerprint, "scorecard": card}
        sys.stdout.write(f"{name}: {card['right']:.4f} right, {len(content)} bytes, {time.monotonic() - start:.0f} s\n")
    (folder / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
