"""The demo desk: an invented online bank, its words, its judged messages and its tuned prompts.

desk.json                 the desk: table of intents, words, labels
articles.jsonl            40 articles
intents.jsonl             15 phrasings for each intent, with the article that answers (train)
out_of_scope.jsonl        messages the desk has nothing to say about (train)
sentiment.jsonl           messages judged for tone (train)
tickets.jsonl             tickets with topic and priority (train)
calibration*.jsonl        judged messages and tickets, written apart from the phrasings
gate*.jsonl, golden.jsonl judged messages the gate compares versions on, written apart again
conversations.jsonl       short conversations and how each turn should end
prompts/                  the four tuned prompts (made by `make demo-prompts`, never by hand)
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

FOLDER: Traversable = files("agent.demo")
MOODS = ("asks_for_human", "negative", "abusive")
Judged = tuple[str, dict[str, Any], str]
"""(text, target, role)"""

WITHOUT_TONE = (
    "follow_up",
    "automatic_reply",
    "greeting",
    "thanks",
    "unclear",
    "product_feedback",
    "fraud_report",
)
"""Intents besides the FAQ ones whose phrasings were written without insults or requests for a human."""


def read(name: str) -> list[dict[str, Any]]:
    """Return the rows of one of the demo's JSONL files."""
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def desk() -> dict[str, Any]:
    """Return the desk's description."""
    described: dict[str, Any] = json.loads((FOLDER / "desk.json").read_text(encoding="utf-8"))
    return described


def examples() -> dict[str, list[Judged]]:
    """Return every skill's judged texts."""
    return {
        "router": list(_router()),
        "faq": list(_faq()),
        "sentiment": list(_sentiment()),
        "classification": list(_classification()),
    }


def passages() -> dict[str, tuple[str, ...]]:
    """Return every article's question and phrasings."""
    return {row["slug"]: (row["question"], *row["phrasings"]) for row in read("articles.jsonl")}


def labels() -> dict[str, Mapping[str, list[str]]]:
    """Return the labels of every skill by axis."""
    described = desk()
    return {"router": {"intent": [row["name"] for row in described["intents"]]}, **described["labels"]}


def _messages() -> Iterator[tuple[dict[str, Any], str]]:
    for role in ("calibration", "gate", "golden"):
        for row in read(f"{role}.jsonl"):
            yield row, role


def _router() -> Iterator[Judged]:
    for row in read("intents.jsonl"):
        yield row["text"], {"intent": row["intent"]}, "train"
    for row in read("articles.jsonl"):
        for text in (row["question"], *row["phrasings"]):
            yield text, {"intent": row["intent"]}, "train"
    for row in read("out_of_scope.jsonl"):
        yield row["text"], {"intent": None}, "train"
    for row, role in _messages():
        # Nothing but a call for a human has no intent worth judging: the tone decides there.
        if not (row["asks_for_human"] and row["intent"] in ("unclear", "complaint")):
            yield row["text"], {"intent": row["intent"]}, role


def _faq() -> Iterator[Judged]:
    asked = {row["intent"] for row in read("articles.jsonl")}
    for row in read("intents.jsonl"):
        if row["article"]:
            yield row["text"], {"article": row["article"]}, "train"
    for row, role in _messages():
        if row["intent"] is None or row["intent"] in asked:
            yield row["text"], {"article": row["article"]}, role


def _sentiment() -> Iterator[Judged]:
    asked = {row["intent"] for row in read("articles.jsonl")} | set(WITHOUT_TONE)
    for row in read("sentiment.jsonl"):
        yield row["text"], {mood: row[mood] for mood in MOODS}, "train"
    for row in read("intents.jsonl"):
        if row["intent"] in asked:
            yield row["text"], {"asks_for_human": False, "abusive": False}, "train"
    for row, role in _messages():
        yield row["text"], {mood: row[mood] for mood in MOODS}, role


def _classification() -> Iterator[Judged]:
    for name, role in (
        ("tickets", "train"),
        ("calibration_tickets", "calibration"),
        ("gate_tickets", "gate"),
    ):
        for row in read(f"{name}.jsonl"):
            yield row["text"], {"topic": row["topic"], "priority": row["priority"]}, role
