"""Coalescing: concurrent callers' rows share one forward.

One thread stands in front of the backbone and there is no timer. Idle, it runs what comes at once;
busy, it takes everything that queued during the last forward. So a lone message never waits for
company, and company is used when it is there.
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
    """A thread that owns the forward; `forward` blocks until its rows are read."""

    def __init__(self, backbone: Reader) -> None:
        self._backbone = backbone
        self._asks: queue.SimpleQueue[_Ask | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

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

    def _run(self) -> None:
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
