"""Running a retraining in this process, as a worker would."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from agent.errors import Conflict
from agent.office import Office
from agent.retrainings import OPEN, cancel, expire
from agent.tables import Retraining
from workers.retraining import run_retraining

POLL_SECONDS = 0.5
OnProgress = Callable[[dict[str, Any]], None]


def carry_through(office: Office, retraining_id: str, on_progress: OnProgress) -> Retraining:
    """Run a waiting retraining, or wait for the worker that took it first; return its row as it ended.

    A row whose worker died is taken over. Ctrl-C asks the training to stop, wherever it runs.
    """
    with ThreadPoolExecutor(1, "retraining") as thread:
        try:
            ours = thread.submit(run_retraining, office, retraining_id)
            while (row := _row(office, retraining_id)).status in OPEN:
                if ours.done():
                    ours.result()  # raises what nobody expected
                    with office.database.writing() as session:
                        expire(session)  # without a sweep nobody else fails a row whose workers all died
                    ours = thread.submit(run_retraining, office, retraining_id)
                on_progress(row.progress)
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            _stop(office, retraining_id)
            raise
        ours.result()
    return row


def _row(office: Office, retraining_id: str) -> Retraining:
    with office.database.reading() as session:
        return session.get_one(Retraining, retraining_id)


def _stop(office: Office, retraining_id: str) -> None:
    with suppress(Conflict), office.database.writing() as session:  # Conflict: it has just ended
        cancel(session, session.get_one(Retraining, retraining_id))
