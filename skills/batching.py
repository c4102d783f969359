"""Coalescing: concurrent callers' rows share forwards.

So many lanes stand in front of the backbone, each a thread that computes on one core, and there is no timer. A free
lane takes its share of the rows that wait, and what queued during the last forwards goes together. A lone message is
read by the first lane, on all cores, so that what its skills share is computed once. So a lone message never waits for
company, and company is used when it is there.

No other thread of the process computes on several cores, those that ask included: every thread that does brings
helpers of its own, and with more helpers than cores all of them fall asleep hundreds of times in a forward
(docs/decisions/0006, 0020, 0022).
"""

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from skills.backbone import Row

SHARE = 16
"""Rows that a lane reads at once. On processors more are no quicker a row, and whoever comes next waits longer."""


class Reader(Protocol):
    """What can read rows: a Backbone, or a Batcher in front of one."""

    def forward(self, rows: Sequence[Row]) -> Tensor:
        """Return `[B, H]` in the order given."""
        ...


@dataclass(slots=True)
class _Ask:
    """One caller's rows, and what has been read of them."""

    rows: Sequence[Row]
    future: "Future[Tensor]" = field(default_factory=Future)
    read: dict[int, Tensor] = field(default_factory=dict)


_Waiting = tuple[_Ask, int]
LONE = 10
"""Rows that the first lane reads on all cores if all lanes are idle: one message, with the one before it."""


class Batcher:
    """Threads that own the forward; `forward` blocks until its rows are read.

    `lanes`: how many threads; `share`: how many rows one reads at once.
    """

    def __init__(self, backbone: Reader, lanes: int = 1, share: int = SHARE) -> None:
        self._backbone, self._share = backbone, share
        self._waiting: deque[_Waiting] = deque()
        self._news, self._idle, self._open = threading.Condition(), 0, True
        self._lanes = [
            threading.Thread(target=self._run, args=(n == 0,), name=f"lane{n}", daemon=True) for n in range(lanes)
        ]
        for lane in self._lanes:
            lane.start()

    def forward(self, rows: Sequence[Row]) -> Tensor:
        """Return `[B, H]` for these rows; they may share passes with other callers' rows.

        Raises whatever the forward raised. A pass that fails is repeated once for each row alone, so
        one caller's bad row fails only that caller.
        """
        compute_on_one_core()
        if not rows:
            return self._backbone.forward(rows)
        ask = _Ask(rows)
        with self._news:
            self._waiting.extend((ask, place) for place in range(len(rows)))
            self._news.notify_all()
        return ask.future.result()

    def close(self) -> None:
        """Finish what is queued and stop the threads."""
        with self._news:
            self._open = False
            self._news.notify_all()
        for lane in self._lanes:
            lane.join()

    def _run(self, first: bool) -> None:
        compute_on_one_core()
        while taken := self._take(first):
            self._answer(*taken)

    def _take(self, first: bool) -> tuple[list[_Waiting], int] | None:
        """Wait for rows; return this lane's share and on how many cores to read it, nothing when all is done."""
        with self._news:
            self._idle += 1
            while self._open and not (self._waiting and (first or not self._lone())):
                self._news.wait()
            lone = first and self._lone()
            share = min(self._share, -(-len(self._waiting) // (1 if lone else self._idle)))
            self._idle -= 1
            taken = [self._waiting.popleft() for _ in range(share)]
        return (taken, len(self._lanes) if lone else 1) if taken else None

    def _lone(self) -> bool:
        return self._idle == len(self._lanes) and len(self._waiting) <= LONE

    def _read(self, rows: Sequence[Row], cores: int) -> Tensor:
        torch.set_num_threads(cores)
        try:
            return self._backbone.forward(rows)
        finally:
            torch.set_num_threads(1)  # threads that compute for the first time take over what was set last

    def _answer(self, taken: list[_Waiting], cores: int) -> None:
        try:
            states = self._read([ask.rows[place] for ask, place in taken], cores)
        except Exception as error:  # noqa: BLE001 - handed to the caller it belongs to
            if len(taken) > 1:
                for one in taken:
                    self._answer([one], cores)
            elif not taken[0][0].future.done():
                taken[0][0].future.set_exception(error)
            return
        with self._news:
            for (ask, place), state in zip(taken, states, strict=True):
                ask.read[place] = state
            done = {id(ask): ask for ask, _ in taken if len(ask.read) == len(ask.rows)}
        for ask in done.values():
            ask.future.set_result(torch.stack([ask.read[place] for place in range(len(ask.rows))]))


def compute_on_one_core() -> None:
    """Bind the calling thread to one core of torch's; until it has asked, it would follow what another sets."""
    torch.set_num_threads(1)
    torch.get_num_threads()
