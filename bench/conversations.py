"""Does a customer's tone over several messages tell that a conversation fails? STAR, the users' own verdicts."""

from pathlib import Path
from typing import Any

import numpy as np
from prepare import read

from agent.demo_desk import shipped
from agent.escalation import LAST_MESSAGES
from skills.backbone import Backbone
from skills.checkpoint import unpack
from skills.evaluation import auroc
from skills.reading import read_texts
from skills.skill import render

Scores = dict[str, dict[str, float | None]]


def star_failures(backbone: Backbone, data: Path, _seed: int) -> Scores:
    """AUROC of 'the user says the task was not done' over STAR's dev dialogues that have a verdict.

    The tone is that of the demo desk's shipped sentiment prompt, which never saw STAR: of the last message
    alone, of the last ones the escalation looks at, and of all. The baselines count messages.
    """
    told = [row for row in read(data / "star" / "dev.jsonl.gz") if row["user_says_task_done"] is not None]
    said = [[turn["text"] for turn in row["turns"] if turn["role"] == "user"] for row in told]
    told, said = zip(*((row, texts) for row, texts in zip(told, said, strict=True) if texts), strict=True)
    failed = np.array([row["user_says_task_done"] is False for row in told])
    tones = _tones(backbone, said)
    scores: dict[str, list[float]] = {
        "turn count": [len(texts) for texts in said],
        "few turns": [-len(texts) for texts in said],
        "last message": [tone[-1] for tone in tones],
        "recent messages": [float(np.mean(tone[-LAST_MESSAGES:])) for tone in tones],
        "all messages": [float(np.mean(tone)) for tone in tones],
    }
    return {name: {"auroc": auroc(failed, np.array(values))} for name, values in scores.items()}


def _tones(backbone: Backbone, said: Any) -> list[np.ndarray]:  # noqa: ANN401
    """Return the probability of a negative tone of every message of every dialogue."""
    entry, content = shipped("sentiment")
    prompt = unpack(content, entry["digest"], backbone)
    tokens = backbone.tokenize([render(text) for texts in said for text in texts], prompt.length)
    read_ = read_texts(backbone, prompt, tokens)
    flat = np.array([next(v.confidence for v in verdicts if v.label == "negative") for verdicts in read_])
    return np.split(flat, np.cumsum([len(texts) for texts in said])[:-1])
