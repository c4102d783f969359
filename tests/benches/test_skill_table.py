"""The skill table: what was measured is kept by code and data; its rows read the layouts of the public sets."""

import gzip
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from skills.backbone import Backbone

BENCH = Path(__file__).parents[2] / "bench"
WORDS = {"cards": "my plastic card", "transfers": "money sent abroad", "login": "the app stays shut"}
ENDINGS = ("please", "today", "again", "since monday", "for my wife", "in france", "at night", "twice", "now", "?")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a script of bench/ with its neighbours."""
    monkeypatch.syspath_prepend(str(BENCH))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def put(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0))


def test_a_measurement_is_kept_until_code_or_data_change(
    bench: Any, tiny: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, calls = bench("skill_table"), []

    def run(_backbone: Backbone, _data: Path, seed: int) -> dict[str, dict[str, float]]:
        calls.append(seed)
        return {"skill": {"accuracy": 0.5 + seed / 10}}

    monkeypatch.setitem(table.ROWS, "made up", table.Row(("made_up",), run, ("accuracy",), "none"))
    monkeypatch.setattr(table, "RESULTS", tmp_path / "results")
    put(tmp_path / "made_up" / "train.jsonl.gz", [{"text": "one"}])
    first = table.measure("made up", tmp_path, tiny, 0, False)
    assert table.measure("made up", tmp_path, tiny, 0, False) == first
    table.measure("made up", tmp_path, tiny, 1, False)
    assert calls == [0, 1]
    put(tmp_path / "made_up" / "train.jsonl.gz", [{"text": "two"}])
    table.measure("made up", tmp_path, tiny, 0, False)
    monkeypatch.setattr(table, "CODE", (*table.CODE, Path(__file__)))
    table.measure("made up", tmp_path, tiny, 0, False)
    table.measure("made up", tmp_path, tiny, 0, True)
    assert calls == [0, 1, 0, 0, 0]


def test_seeds_are_summarised_by_mean_and_deviation(bench: Any, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        {"seed": s, "arms": {"skill": {"accuracy": a, "ece": None}}, "seconds": 2.0} for s, a in ((0, 0.5), (1, 0.7))
    ]
    found = bench("skill_table").summarise("demo", runs)
    assert found["arms"]["skill"] == {"accuracy": {"mean": pytest.approx(0.6), "deviation": pytest.approx(0.1)}}
    assert "skill 0.6000 ±0.1000" in capsys.readouterr().out


def test_absent_data_and_unknown_rows_are_said(tmp_path: Path) -> None:
    call = [sys.executable, str(BENCH / "skill_table.py"), "--data", str(tmp_path), "--only"]
    absent = subprocess.run([*call, "star"], capture_output=True, text=True, check=False)
    assert absent.returncode == 1
    assert f"star  skipped: {tmp_path / 'star'} is not there" in absent.stdout
    assert "--data" in absent.stderr
    unknown = subprocess.run([*call, "stars"], capture_output=True, text=True, check=False)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "banking77-10" in unknown.stderr


def test_an_error_budget_is_cut_tuned_and_tested(
    bench: Any, tiny: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = bench("budget_cuts")
    for name, value in (("CALIBRATION", 120), ("TEST", 60)):
        monkeypatch.setattr(cuts, name, value)
    monkeypatch.setitem(cuts.SETS, "banking77", ("train.jsonl.gz", 4))
    rows = [{"text": f"{w} {e} {n}", "intent": t} for t, w in WORDS.items() for e in ENDINGS for n in range(8)]
    put(tmp_path / "banking77" / "train.jsonl.gz", rows)
    found = cuts.budget_cuts("banking77", cuts=2)(tiny, tmp_path, 0)["skill"]
    assert (found["cuts"], found["redraws"]) == (2, 2 * cuts.REDRAWS)
    assert 0 < found["coverage"] <= 1
    assert 0 <= found["violations"] <= found["guaranteed"] <= 1
    assert 0 <= found["redrawn"] <= 1


def test_search_is_cross_validated_over_articles(bench: Any, tiny: Backbone, tmp_path: Path) -> None:
    names = [f"{topic}/{ending}" for topic in WORDS for ending in ENDINGS[:5]]
    texts = {name: f"{WORDS[name.split('/')[0]]} {name.split('/')[1]}" for name in names}
    put(tmp_path / "covid_faq" / "faq_bank_cdc.jsonl.gz", [{"faq_id": n, "question": t} for n, t in texts.items()])
    pairs = [{"faq_id": n, "user_question": f"{t} {k}", "similar": 1} for n, t in texts.items() for k in ("ok", "hm")]
    put(tmp_path / "covid_faq" / "question_pairs.jsonl.gz", pairs)
    found = bench("search_rows").covid_faq(tiny, tmp_path, 0)
    assert list(found) == ["skill", "prompt", "no_prefix", "probe"]
    for figures in found.values():
        assert figures["questions"] == 20, "a third of the fifteen articles is hidden"
        assert figures["gain"] == pytest.approx(figures["recall_at_1"] - figures["cosine_at_1"])
        assert figures["gain_low"] <= figures["gain"] <= figures["gain_high"]
