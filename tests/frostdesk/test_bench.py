"""`frostdesk bench`: rows in, one JSON object of four arms out."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from frostdesk.bench_rows import label_rows
from skills.arms import label_arms
from skills.backbone import Backbone
from tests.frostdesk.conftest import Result, done, refused, shown

ARMS = ["skill", "prompt", "no_prefix", "probe"]
LABEL_KEYS = ["accuracy", "macro_f1", "auroc", "f1", "oos_auroc", "oos_recall", "in_scope_kept", "ece", "train_seconds"]
FAQ_KEYS = ["recall_at_1", "recall_at_3", "mrr", "abstain_auroc", "train_seconds"]
TOPICS = {
    "cards": ("my plastic card", "the card number", "a new card", "a stolen card"),
    "transfers": ("money sent abroad", "a late transfer", "wiring rent to my landlord", "transfer fees"),
    "login": ("my forgotten password", "an app that stays shut", "signing in", "the code by text message"),
}
ENDINGS = ("please help with {}", "what about {}", "I have a question on {}", "{}")
OUTSIDE = ("bake me a cake", "who won the match", "is it going to rain", "tell me a joke")
Rows = list[dict[str, Any]]


def rows(endings: tuple[str, ...] = ENDINGS, **names: str) -> Rows:
    return [
        {"text": ending.format(words), "intent": names.get(topic, topic)}
        for topic, phrases in TOPICS.items()
        for words in phrases
        for ending in endings
    ]


def write(path: Path, content: Rows) -> str:
    text = "".join(json.dumps(row) + "\n" for row in content)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


def bench(*arguments: str, **env: str) -> Result:
    command = [sys.executable, "-m", "frostdesk", "bench", *arguments]
    env = {**os.environ, "COLUMNS": "200", **env}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)


def test_a_label_skill_with_rows_out_of_scope(tmp_path: Path) -> None:
    """The real backbone; gzip'd files."""
    outside = [{"text": text, "intent": "oos", "oos": True} for text in OUTSIDE]
    train = write(tmp_path / "train.jsonl.gz", rows() + outside)
    test = write(tmp_path / "test.jsonl.gz", [*rows(("tell me about {}",)), {"text": "a good film", "oos": True}])
    found = shown(bench("label", "--train", train, "--test", test, "--shots", "8", "--json"))
    assert list(found) == ARMS
    for arm in ARMS:
        assert list(found[arm]) == LABEL_KEYS
        assert (found[arm]["auroc"], found[arm]["f1"]) == (None, None)
        assert all(0 <= found[arm][key] <= 1 for key in set(LABEL_KEYS) - {"auroc", "f1", "train_seconds"})
        assert found[arm]["train_seconds"] >= 0
        assert found[arm]["accuracy"] > 0.6
    assert found["skill"]["train_seconds"] > 0


def test_article_search(tmp_path: Path) -> None:
    """The real backbone; the answers' sentences are what is learnt from."""
    articles = [
        {
            "faq_id": number,
            "question": f"What about {words}?",
            "answer": f"Write to us about {words}. We look at {words} soon.",
        }
        for number, words in enumerate(phrase for phrases in TOPICS.values() for phrase in phrases)
    ]
    asked: Rows = [{"text": f"question on {row['question'][11:-1]}", "faq_id": row["faq_id"]} for row in articles]
    nowhere = [{"text": text, "faq_id": None} for text in OUTSIDE]
    files = ("--articles", write(tmp_path / "faq.jsonl", articles))
    queries = write(tmp_path / "asked.jsonl.gz", asked + nowhere)
    found = shown(bench("faq", *files, "--queries", queries, "--json"))
    assert list(found) == ARMS
    for arm in ARMS:
        assert list(found[arm]) == FAQ_KEYS
        assert found[arm]["recall_at_1"] <= found[arm]["mrr"] <= 1
        assert found[arm]["recall_at_1"] <= found[arm]["recall_at_3"]
    assert found["skill"]["recall_at_3"] > 0.8
    assert found["skill"]["abstain_auroc"] > 0.8


def test_polar_figures_for_polar_labels(tiny: Backbone) -> None:
    polar = {"cards": "positive", "transfers": "negative", "login": "negative"}
    found = label_arms(tiny, *label_rows(rows(**polar), rows(("{}?",), **polar), 4, 3), 3)
    for arm in ARMS:
        assert list(found[arm]) == LABEL_KEYS
        assert all(0 <= found[arm][key] <= 1 for key in ("auroc", "f1"))
        assert (found[arm]["oos_auroc"], found[arm]["oos_recall"]) == (None, None)


def test_rows_with_several_intents(tiny: Backbone) -> None:
    several = [{"text": row["text"], "intents": [row["intent"]]} for row in rows()]
    several += [{"text": f"{text}, and a cake", "intents": ["cards", "login"]} for text in OUTSIDE]
    several += [{"text": text, "intents": []} for text in OUTSIDE]
    found = label_arms(tiny, *label_rows(several, several, None, 0), 0)
    assert list(found) == ARMS
    for arm in ARMS:
        assert list(found[arm]) == LABEL_KEYS
        assert (found[arm]["auroc"], found[arm]["oos_auroc"]) == (None, None)
        assert all(0 <= found[arm][key] <= 1 for key in ("accuracy", "macro_f1", "ece"))


def test_questions_to_learn_from_and_a_table_for_people(tmp_path: Path, tiny_folder: Path) -> None:
    articles = [{"faq_id": name, "question": f"What about {name}?", "answer": "See below."} for name in TOPICS]
    asked = [{"text": row["text"], "faq_id": row["intent"]} for row in rows()]
    files = ("--articles", write(tmp_path / "faq.jsonl", articles))
    taught = write(tmp_path / "taught.jsonl", [*asked, {"text": "bake me a cake", "faq_id": None}])
    call = ("faq", *files, "--queries", write(tmp_path / "asked.jsonl", asked), "--train-queries", taught)
    head, *lines = done(bench(*call, FROSTDESK_BACKBONE=str(tiny_folder))).splitlines()
    assert head.split() == ARMS
    measured = [key for key in FAQ_KEYS if key != "abstain_auroc"]  # every query here has an answer
    assert [line.split()[0] for line in lines] == measured
    assert {len(line.split()) for line in lines} == {5}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ('{"text": "x"}', "train.jsonl row 49"),
        ('{"intent": "cards"}', "train.jsonl row 49"),
        ("nonsense", "train.jsonl row 49"),
    ],
)
def test_a_bad_row_is_named_by_file_and_number(tmp_path: Path, bad: str, words: str) -> None:
    train = Path(write(tmp_path / "train.jsonl", rows()))
    train.write_text(f"{train.read_text()}{bad}\n")
    assert words in refused(bench("label", "--train", str(train), "--test", str(train)), 2)


def test_files_that_cannot_be_measured_are_refused(tmp_path: Path) -> None:
    good = write(tmp_path / "good.jsonl", rows())
    one = write(tmp_path / "one.jsonl", [row for row in rows() if row["intent"] == "cards"])
    assert "login, transfers" in refused(bench("label", "--train", one, "--test", good), 2)
    missing = bench("label", "--train", good, "--test", str(tmp_path / "none.jsonl"))
    assert missing.returncode == 2
    assert "none.jsonl" in missing.stderr
