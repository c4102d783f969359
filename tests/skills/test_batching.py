"""Coalescing callers into one forward."""

import threading
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from skills.backbone import Row
from skills.batching import LONE, Batcher


class Recorder:
    """A reader that notes the size of every pass, and can be held up."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self.entered = threading.Event()

    def forward(self, rows: Sequence[Row]) -> Tensor:
        self.entered.set()
        self.free.wait(10)
        self.sizes.append(len(rows))
        if any(row.tokens == (666,) for row in rows):
            raise ValueError("bad row")
        return torch.tensor([[float(row.tokens[0])] for row in rows])


def ask(batcher: Batcher, number: int, found: dict[int, float]) -> threading.Thread:
    thread = threading.Thread(target=lambda: found.update({number: batcher.forward([Row((number,))]).item()}))
    thread.start()
    return thread


def test_callers_that_come_while_it_is_busy_share_the_next_pass() -> None:
    reader = Recorder()
    batcher, found = Batcher(reader), {}
    reader.free.clear()
    threads = [ask(batcher, 1, found)]
    assert reader.entered.wait(5)
    threads += [ask(batcher, number, found) for number in range(2, 8)]
    while len(batcher._waiting) < 6:
        pass
    reader.free.set()
    for thread in threads:
        thread.join(5)
    batcher.close()
    assert found == {number: float(number) for number in range(1, 8)}
    assert reader.sizes == [1, 6]


def test_one_callers_bad_row_fails_only_that_caller() -> None:
    reader = Recorder()
    batcher, found = Batcher(reader), {}
    reader.free.clear()
    first = ask(batcher, 1, found)
    assert reader.entered.wait(5)
    failed: list[Exception] = []

    def bad() -> None:
        try:
            batcher.forward([Row((666,))])
        except ValueError as error:
            failed.append(error)

    others = [ask(batcher, 2, found), threading.Thread(target=bad)]
    others[1].start()
    while len(batcher._waiting) < 2:
        pass
    reader.free.set()
    for thread in (first, *others):
        thread.join(5)
    batcher.close()
    assert found == {1: 1.0, 2: 2.0}
    assert [str(error) for error in failed] == ["bad row"]


def test_a_failure_alone_is_raised_to_its_caller() -> None:
    batcher = Batcher(Recorder())
    with pytest.raises(ValueError, match="bad row"):
        batcher.forward([Row((666,))])
    assert batcher.forward([Row((3,))]).item() == 3.0
    batcher.close()


def test_many_rows_are_spread_over_idle_lanes_of_one_core_each_and_come_back_in_order() -> None:
    class Meeting:
        """A reader whose passes wait for each other."""

        def __init__(self) -> None:
            self.both, self.passes = threading.Barrier(2), list[tuple[int, int]]()

        def forward(self, rows: Sequence[Row]) -> Tensor:
            self.passes.append((len(rows), torch.get_num_threads()))
            self.both.wait(10)
            return torch.tensor([[float(row.tokens[0])] for row in rows])

    before = torch.get_num_threads()
    torch.set_num_threads(2)  # whatever others set, a lane computes on one core
    try:
        batcher = Batcher(reader := Meeting(), lanes=2)
        wait_until_idle(batcher, 2)
        states = batcher.forward([Row((number,)) for number in range(LONE + 1)])
        batcher.close()
    finally:
        torch.set_num_threads(before)
    assert states.flatten().tolist() == [float(number) for number in range(LONE + 1)]
    assert sorted(reader.passes) == [(5, 1), (6, 1)]


def test_a_lane_reads_no_more_than_its_share_at_once() -> None:
    batcher = Batcher(reader := Recorder(), share=4)
    assert batcher.forward([Row((number,)) for number in range(10)]).flatten().tolist() == [float(n) for n in range(10)]
    batcher.close()
    assert reader.sizes == [4, 4, 2]


def test_nobody_is_asked_for_nothing() -> None:
    class Empty:
        def forward(self, rows: Sequence[Row]) -> Tensor:
            return torch.empty(len(rows), 3)

    batcher = Batcher(Empty())
    assert batcher.forward([]).shape == (0, 3)
    batcher.close()


class Cores:
    """A reader that says on how many cores each pass computes, by whom; the first pass can be held up."""

    def __init__(self) -> None:
        self.passes: list[tuple[str, int]] = []
        self.entered, self.free = threading.Event(), threading.Event()

    def forward(self, rows: Sequence[Row]) -> Tensor:
        self.passes.append((threading.current_thread().name, torch.get_num_threads()))
        if rows[0].tokens == (1,):
            self.entered.set()
            assert self.free.wait(10)
        return torch.tensor([[float(row.tokens[0])] for row in rows])


def test_a_lone_message_is_read_by_the_first_lane_on_all_cores_and_who_comes_meanwhile_by_another_on_one() -> None:
    batcher, found = Batcher(reader := Cores(), lanes=2), {}
    wait_until_idle(batcher, 2)
    lone = ask(batcher, 1, found)
    assert reader.entered.wait(5)
    ask(batcher, 2, found).join(5)
    reader.free.set()
    lone.join(5)
    batcher.close()
    assert found == {1: 1.0, 2: 2.0}
    assert reader.passes == [("lane0", 2), ("lane1", 1)]


def test_who_asks_computes_on_one_core_too() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        batcher = Batcher(Recorder(), lanes=2)
        batcher.forward([Row((1,))])
        assert torch.get_num_threads() == 1
        batcher.close()
    finally:
        torch.set_num_threads(before)


def wait_until_idle(batcher: Batcher, lanes: int) -> None:
    while batcher._idle < lanes:
        pass
