"""Progress and lease of a running retraining, written once a second by a thread of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import structlog

from agent.database import Database
from agent.retrainings import LeaseLost, keep_lease
from agent.tables import Retraining
from skills.errors import TuningCancelled
from skills.training import Step

log = structlog.get_logger(__name__)
SECONDS = 1.0


class Progress:
    """What a training says of itself, and whether it should stop."""

    def __init__(self) -> None:
        self.now: dict[str, Any] = {"stage": "preparing"}
        self.stop: Exception | None = None

    def stage(self, name: str) -> None:
        """Enter another stage; raise if the run should stop."""
        self.now = {**self.now, "stage": name}
        if self.stop is not None:
            raise self.stop

    def step(self, step: Step) -> None:
        """Take note of a training step; raise if somebody cancelled or the lease is gone."""
        self.now = {**asdict(step), "loss": round(step.loss, 4), "seconds_left": round(step.seconds_left, 1)}
        self.stage("training")


@contextmanager
def heartbeat(database: Database, row: Retraining) -> Iterator[Progress]:
    """Keep a retraining's lease and progress current while the block runs."""
    progress, done = Progress(), threading.Event()

    def beat() -> None:
        while not done.wait(SECONDS):
            try:
                with database.writing() as session:
                    cancelled = keep_lease(session, row, progress.now)
            except LeaseLost as error:
                progress.stop = error
                return
            except Exception:  # the database may be away for a moment; the lease outlives that
                log.exception("heartbeat_failed", retraining=row.id)
                continue
            if cancelled:
                progress.stop = TuningCancelled("cancelled")
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        done.set()
        thread.join()
