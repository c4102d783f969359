"""Nudges: telling a worker that a row waits, and telling other processes that something changed.

Both are best effort. The row is the job and the database is the truth, so a lost nudge costs seconds
(the sweep and the polls find the row), never a job.
"""

import queue
import threading
from contextlib import suppress

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis, RedisError

log = structlog.get_logger(__name__)

QUEUES = {
    "retrain": "training",
    "handle_event": "events",
    "deliver": "events",
    "send_events": "events",
    "sweep": "events",
}
CHANNEL = "frostdesk"
SECONDS = 2.0
MOST_WAITING = 1000


class Jobs:
    """Sends nudges through one queue server. Never raises because that server is down."""

    def __init__(self, redis_url: str) -> None:
        self._celery = Celery(broker=redis_url, set_as_current=False)
        self._celery.conf.update(
            task_ignore_result=True,
            task_serializer="json",
            broker_connection_retry=False,
            broker_transport_options={"socket_connect_timeout": SECONDS, "socket_timeout": SECONDS},
        )
        self._redis = Redis.from_url(redis_url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS)
        self._waiting: queue.Queue[tuple[str | None, str] | None] = queue.Queue(MOST_WAITING)
        self._closing = threading.Event()
        self._teller = threading.Thread(target=self._publish, name="teller", daemon=True)
        self._teller.start()

    def nudge(self, task: str, row_id: str) -> None:
        """Ask a worker to look at a row now."""
        try:
            self._send(task, row_id)
        except (OperationalError, OSError, RedisError) as error:
            log.warning("nudge_not_sent", task=task, row=row_id, error=type(error).__name__)

    def nudge_soon(self, task: str, row_id: str) -> None:
        """Ask a worker to look at a row, without waiting for it."""
        self._later(task, row_id)

    def tell(self, what: str, row_id: str) -> None:
        """Tell every API process that a `desk` or a `conversation` changed, without waiting for it."""
        self._later(None, f"{what}:{row_id}")

    def close(self) -> None:
        """Send what waits, unless the queue server is away, and close the connections."""
        self._closing.set()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._teller.join(2 * SECONDS)
        self._celery.close()
        self._redis.close()

    def _later(self, task: str | None, what: str) -> None:
        try:
            self._waiting.put_nowait((task, what))
        except queue.Full:  # the queue server is away; the sweep or the polls will find it
            log.warning("hint_not_sent", task=task, what=what, error="Full")

    def _send(self, task: str, row_id: str) -> None:
        self._celery.send_task(task, args=(row_id,), queue=QUEUES[task], retry=False)

    def _publish(self) -> None:
        away = False  # an outage is said once, not for every hint
        while (waiting := self._waiting.get()) is not None:
            task, what = waiting
            try:
                if task is None:
                    self._redis.publish(CHANNEL, what)
                else:
                    self._send(task, what)
            except (OperationalError, RedisError, OSError) as error:
                if not away:
                    log.warning("hints_not_sent", first=what, error=type(error).__name__)
                away = True
                if self._closing.is_set():
                    return
            else:
                if away:
                    log.info("hints_sent_again")
                away = False
