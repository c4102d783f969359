"""bench/prepare.py on tiny files of our own in the layouts it reads."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from frostdesk.bench_files import ArticleCheck, LabelCheck, query_check, read_rows
from frostdesk.bench_rows import faq_rows, label_rows

SCRIPT = Path(__file__).parents[2] / "bench" / "prepare.py"
Rows = list[dict[str, Any]]


def put(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def read(path: Path) -> Rows:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def prepare(data: Path, out: Path) -> str:
    command = [sys.executable, str(SCRIPT), str(data), str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder a set."""
    data = tmp_path_factory.mktemp("raw")
    put(
        data / "banking77/train.jsonl.gz",
        [{"text": f"{name} {n}", "intent": name} for name in "abc" for n in range(10)],
    )
    for side, count in (("train", 6), ("val", 2)):
        inside = [{"text": f"{side} {n}", "intent": "ab"[n % 2], "oos": False, "id": n} for n in range(count)]
        put(data / f"clinc150/full_{side}.jsonl.gz", [*inside, {"text": "x", "intent": "oos", "oos": True, "id": 99}])
    felt = [["anger"], ["joy"], ["joy", "grief"], ["neutral"]]
    for side in ("train", "dev"):
        put(data / f"goemotions/{side}.jsonl.gz", [{"text": f"{side} {n}", "emotions": e} for n, e in enumerate(felt)])
    bank = [{"faq_id": f"q{n}", "question": f"What is {n}?", "answer": f"{n}.", "source": "us"} for n in range(9)]
    pairs = [{"user_question": f"say {n} {m}", "faq_id": f"q{n}", "similar": m % 2} for n in range(9) for m in range(4)]
    put(data / "covid_faq/faq_bank_cdc.jsonl.gz", bank)
    put(data / "covid_faq/question_pairs.jsonl.gz", pairs)
    return data


@pytest.fixture(scope="module")
def out(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What it makes of them."""
    folder = tmp_path_factory.mktemp("out") / "new"
    prepare(raw, folder)
    return folder


def test_a_fifth_of_every_intent_is_cut_off(out: Path) -> None:
    train, test = (read(out / f"banking77.{side}.jsonl.gz") for side in ("train", "test"))
    assert [row["intent"] for row in test] == list("aabbcc")
    assert [row["intent"] for row in train] == list("a" * 8 + "b" * 8 + "c" * 8)
    assert len({row["text"] for row in train + test}) == 30


def test_out_of_scope_rows_stay_marked(out: Path) -> None:
    test = read(out / "clinc150.test.jsonl.gz")
    assert test[-1] == {"text": "x", "intent": "oos", "oos": True}
    assert {tuple(row) for row in test} == {("text", "intent", "oos")}


def test_any_negative_emotion_is_positive(out: Path) -> None:
    said = [row["intent"] for row in read(out / "goemotions.dev.jsonl.gz")]
    assert said == ["positive", "negative", "positive", "negative"]
    whole, part = (read(out / f"goemotions.{name}.jsonl.gz") for name in ("train", "train10k"))
    assert sorted(map(str, whole)) == sorted(map(str, part))


def test_hidden_articles_make_questions_without_an_answer(out: Path) -> None:
    kept = {row["faq_id"] for row in read(out / "covid_faq.articles.jsonl.gz")}
    assert len(kept) == 6
    train, test = (read(out / f"covid_faq.{side}.jsonl.gz") for side in ("train", "test"))
    assert (len(train), len(test)) == (9, 9)
    assert len({row["text"] for row in train + test}) == 18
    for row in train + test:
        name = f"q{row['text'].split()[1]}"
        assert row["faq_id"] == (name if name in kept else None)


def test_bench_takes_every_file(out: Path) -> None:
    for name, test in (("banking77", "test"), ("clinc150", "test"), ("goemotions", "dev")):
        check = LabelCheck()
        train = read_rows(out / f"{name}.train.jsonl.gz", check)
        assert label_rows(train, read_rows(out / f"{name}.{test}.jsonl.gz", check), 1, 0)
    known = ArticleCheck()
    articles = read_rows(out / "covid_faq.articles.jsonl.gz", known)
    check = query_check(known.ids)
    asked, taught = (read_rows(out / f"covid_faq.{side}.jsonl.gz", check) for side in ("test", "train"))
    assert faq_rows(articles, asked, taught)


def test_the_same_bytes_every_time_and_missing_sets_are_skipped(raw: Path, out: Path, tmp_path: Path) -> None:
    prepare(raw, tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {p.name: p.read_bytes() for p in out.iterdir()}
    assert prepare(tmp_path, tmp_path / "none").count("skipped") == 4
