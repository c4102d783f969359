"""One thread a process that notices what others changed: hints by Redis, the database for the truth.

A hint is acted on at once. Without the queue server, or with a hint lost, the poll finds the change
within `poll_seconds`.
"""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from redis import Redis, RedisError
from redis.client import PubSub
from sqlalchemy import select

from agent.jobs import CHANNEL
from agent.office import Office
from agent.streams import Streams
from agent.tables import Conversation

if TYPE_CHECKING:
    from datetime import datetime

log = structlog.get_logger(__name__)
LISTEN_SECONDS = 0.5


class Watcher:
    """Keeps an API process's live prompts and open streams current; `also` is looked at on the same beat."""

    def __init__(
        self, office: Office, streams: Streams, also: Callable[[], None], redis_url: str, poll_seconds: float
    ) -> None:
        self._office, self._streams, self._poll_seconds = office, streams, poll_seconds
        self._also = also
        self._redis = Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=5)
        self._seen: dict[str, datetime] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait for the thread."""
        self._stop.set()
        self._thread.join()
        self._redis.close()

    def _run(self) -> None:
        pubsub: PubSub | None = None
        due = 0.0
        while not self._stop.is_set():
            pubsub = self._hear(pubsub)
            if time.monotonic() >= due:
                self._look()
                due = time.monotonic() + self._poll_seconds

    def _hear(self, pubsub: PubSub | None) -> PubSub | None:
        """Wait a moment for a hint; return the subscription, None if the queue server is away."""
        try:
            if pubsub is None:
                pubsub = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
                pubsub.subscribe(CHANNEL)
            message = pubsub.get_message(timeout=LISTEN_SECONDS)
        except (RedisError, OSError):
            self._stop.wait(LISTEN_SECONDS)
            return None
        if message is not None:
            self._act(message["data"].decode())
        return pubsub

    def _act(self, hint: str) -> None:
        what, _, row_id = hint.partition(":")
        if what == "conversation":
            self._streams.notify(row_id)
        elif what == "desk":
            self._guard(lambda: self._office.releases.refresh(row_id))
            self._guard(self._also)

    def _look(self) -> None:
        self._guard(self._office.releases.refresh_all)
        self._guard(self._also)
        self._guard(self._look_at_streams)

    def _look_at_streams(self) -> None:
        """Wake streams whose conversation changed without a hint: one query for all of them."""
        listened = self._streams.conversations()
        if not listened:
            self._seen.clear()
            return
        with self._office.database.reading() as session:
            rows = session.execute(
                select(Conversation.id, Conversation.updated_at).where(Conversation.id.in_(listened))
            ).all()
        for conversation_id, changed in rows:
            if self._seen.get(conversation_id) not in (None, changed):
                self._streams.notify(conversation_id)
        self._seen = {row[0]: row[1] for row in rows}

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            log.exception("watcher_failed")  # the next look tries again; the watcher must not die
