"""Turn public data sets into the files that `frostdesk bench` reads.

    python bench/prepare.py DATA OUT

DATA holds one folder a set, as README.md lists them (banking77/train.jsonl.gz and so on); sets that are not
there are skipped. Test splits are not used: development sides are cut from training data.
"""

import argparse
import gzip
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

NEGATIVE = frozenset(
    [
        "anger",
        "annoyance",
        "disappointment",
        "disapproval",
        "disgust",
        "sadness",
        "grief",
        "remorse",
        "fear",
        "embarrassment",
        "nervousness",
    ]
)
Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    """Return the rows of a gzip'd JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as gzip'd JSONL, the same bytes every time."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{path}  {text.count(chr(10))} rows")


def stratified(rows: list[Row], label: str, share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Cut `share` of every label's rows off as a test side."""
    chooser, by_label = random.Random(seed), {}
    for row in rows:
        by_label.setdefault(row[label], []).append(row)
    train, test = [], []
    for name in sorted(by_label):
        group = by_label[name][:]
        chooser.shuffle(group)
        cut = round(len(group) * share)
        test += group[:cut]
        train += group[cut:]
    return train, test


def banking77(data: Path, out: Path) -> None:
    """BANKING77: the train file cut 80/20 within every intent, seed 0."""
    train, test = stratified(read(data / "train.jsonl.gz"), "intent", 0.2, 0)
    write(out / "banking77.train.jsonl.gz", train)
    write(out / "banking77.test.jsonl.gz", test)


def clinc150(data: Path, out: Path) -> None:
    """CLINC150: train as it is, the validation file as test, out-of-scope rows marked."""
    for name, side in (("full_train", "train"), ("full_val", "test")):
        rows = read(data / f"{name}.jsonl.gz")
        write(
            out / f"clinc150.{side}.jsonl.gz",
            ({"text": r["text"], "intent": r["intent"], "oos": r["oos"]} for r in rows),
        )


def goemotions(data: Path, out: Path) -> None:
    """GoEmotions: `positive` where any of eleven negative emotions was felt; all rows, and 10,000 of them."""

    def polar(rows: list[Row]) -> list[Row]:
        return [
            {"text": r["text"], "intent": "positive" if NEGATIVE & set(r["emotions"]) else "negative"} for r in rows
        ]

    train = polar(read(data / "train.jsonl.gz"))
    write(out / "goemotions.train.jsonl.gz", train)
    random.Random(0).shuffle(train)
    write(out / "goemotions.train10k.jsonl.gz", train[:10_000])
    write(out / "goemotions.dev.jsonl.gz", polar(read(data / "dev.jsonl.gz")))


def covid_faq(data: Path, out: Path) -> None:
    """covid_faq: the FAQ bank and its human paraphrases, a third of the articles hidden to make null queries.

    Paraphrases of the articles are cut in half within the kept ones: one side to learn from, one to score.
    """
    bank = read(data / "faq_bank_cdc.jsonl.gz")
    asked = [r for r in read(data / "question_pairs.jsonl.gz") if r["similar"] == 1]
    ids = sorted({row["faq_id"] for row in bank})
    random.Random(0).shuffle(ids)
    hidden = set(ids[: len(ids) // 3])
    write(
        out / "covid_faq.articles.jsonl.gz",
        ({name: r[name] for name in ("faq_id", "question", "answer")} for r in bank if r["faq_id"] not in hidden),
    )
    queries = [{"text": r["user_question"], "faq_id": None if r["faq_id"] in hidden else r["faq_id"]} for r in asked]
    random.Random(0).shuffle(queries)
    write(out / "covid_faq.train.jsonl.gz", queries[: len(queries) // 2])
    write(out / "covid_faq.test.jsonl.gz", queries[len(queries) // 2 :])


SETS: tuple[Callable[[Path, Path], None], ...] = (banking77, clinc150, goemotions, covid_faq)


def main() -> None:
    """Prepare every set that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for prepare in SETS:
        folder = arguments.data / prepare.__name__
        if folder.is_dir():
            prepare(folder, arguments.out)
        else:
            print(f"{folder} is not there, skipped")


if __name__ == "__main__":
    main()
