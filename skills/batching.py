"""Coalescing: concurrent callers' rows share one forward.

One thread stands in front of the backbone and there is no timer. Idle, it runs what comes at once;
busy, it takes everything that queued during the last forward. So a lone message never waits for
company, and company is used when it is there.

That thread alone computes on several cores. Every thread that does brings helpers of its own, and once a
process has more of them than cores, OpenMP puts each to sleep after every operation: a forward then takes
twice as long as on one core (docs/decisions/0006).
"""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Protocol

import torch
from torch import Tensor

from skills.backbone import ROWS_AT_ONCE, Row


class Reader(Protocol):
    """What can read rows: a Backbone, or a Batcher in front of one."""

    def forward(self, rows: Sequence[Row]) -> Tensor:
        """Return `[B, H]` in the order given."""
        ...


_Ask = tuple[Sequence[Row], "Future[Tensor]"]


class Batcher:
    """A thread that owns the forward; `forward` blocks until its rows are read.

    `cores`: on how many it computes (None: as many as the thread that makes it).
    """

    def __init__(self, backbone: Reader, cores: int | None = None) -> None:
        self._backbone = backbone
        self._asks: queue.SimpleQueue[_Ask | None] = queue.SimpleQueue()
        ours, ready = torch.get_num_threads(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(cores or ours, ready), name="batcher", daemon=True)
        self._thread.start()
        ready.wait()
        torch.set_num_threads(ours)  # what was set last is what later threads start with

    def forward(self, rows: Sequence[Row]) -> Tensor:
        """Return `[B, H]` for these rows; they may share the pass with other callers' rows.

        Raises whatever the forward raised. A pass that fails is repeated once for each caller alone, so
        one caller's bad row fails only that caller.
        """
        future: Future[Tensor] = Future()
        self._asks.put((rows, future))
        return future.result()

    def close(self) -> None:
        """Finish what is queued and stop the thread."""
        self._asks.put(None)
        self._thread.join()

    def _run(self, cores: int, ready: threading.Event) -> None:
        torch.set_num_threads(cores)
        torch.get_num_threads()  # binds this thread to the number; until then a thread follows what is set last
        ready.set()
        open_ = True
        while open_:
            asks = [self._asks.get()]
            while sum(len(ask[0]) for ask in asks if ask) < ROWS_AT_ONCE:
                try:
                    asks.append(self._asks.get_nowait())
                except queue.Empty:
                    break
            open_ = None not in asks
            self._answer([ask for ask in asks if ask is not None])

    def _answer(self, asks: list[_Ask]) -> None:
        if not asks:
            return
        try:
            states = self._backbone.forward([row for rows, _ in asks for row in rows])
        except Exception as error:  # noqa: BLE001 - handed to the caller it belongs to
            if len(asks) == 1:
                asks[0][1].set_exception(error)
                return
            for ask in asks:
                self._answer([ask])
            return
        parts = torch.split(states, [len(rows) for rows, _ in asks])
        for (_, future), part in zip(asks, parts, strict=True):
            future.set_result(part)
