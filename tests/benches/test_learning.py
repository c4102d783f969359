"""The learning bench on made-up data: both orders start the same, go the whole way, and are counted alike."""

import importlib
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

INTENTS = {"card": "my card number", "login": "password for the app", "money": "send money abroad"}


@pytest.fixture
def learning(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The bench, with parts small enough for made-up data."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    found = importlib.import_module("learning")
    for name, size in (("TEST", 30), ("GATE", 30), ("CALIBRATION", 20), ("COMING", 20), ("JUDGED", 5)):
        monkeypatch.setattr(found, name, size)
    return found


def made_up(_data: Path) -> list[tuple[str, str]]:
    return [(f"{words}: {invented(number)}", intent) for intent, words in INTENTS.items() for number in range(60)]


def invented(number: int) -> str:
    """Words that no other number has: the queue shows no phrasing twice."""
    return " ".join(sha256(f"{number} {part}".encode()).hexdigest()[:8] for part in range(4))


def test_a_cut_uses_every_row_once_and_starts_with_three_of_each(learning: ModuleType) -> None:
    found = learning.cut(made_up(Path()), seed=0)
    parts = (found.start, found.calibration, found.gate, found.stream, found.test)
    assert sorted(row for part in parts for row in part) == sorted(made_up(Path()))
    assert [len(part) for part in parts] == [9, 20, 30, 91, 30]
    assert found.intents == sorted(INTENTS)


def test_what_was_needed_lies_on_the_line_between_rounds(learning: ModuleType) -> None:
    lines = [{"corrections": 50 * n, "accuracy": reached} for n, reached in enumerate((0.5, 0.6, 0.8))]
    assert learning.needed(lines, 0.7) == pytest.approx(75)
    assert learning.needed(lines, 0.5) == 0
    assert learning.needed(lines, 0.9) is None


@pytest.mark.slow
def test_both_orders_learn_through_the_whole_product(learning: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    found_cut = learning.cut(made_up(Path()), seed=0)
    for order in learning.ORDERS:
        lines = learning.learn("made up", order, found_cut, goal=2.0, rounds=1, seed=0)
        assert [line["corrections"] for line in lines] == [0, 5]
        assert all(0 <= line["accuracy"] <= 1 for line in lines)
        assert {line["ended"] for line in lines[1:]} <= {"promoted", "approved", "held", "refused"}
        assert f"made up seed 0 {order:<6}    5 corrections" in capsys.readouterr().out
