"""Open streams of this process: who waits for news of which conversation.

A waiting stream holds no thread and no session, only an asyncio event that a hint sets.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Streams:
    """Maps conversations to the events their streams wait on."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def listen(self, conversation_id: str) -> Iterator[asyncio.Event]:
        """Register a stream while the block runs; the event is set when there is news."""
        self._loop = asyncio.get_running_loop()
        event = asyncio.Event()
        with self._lock:
            self._waiting.setdefault(conversation_id, set()).add(event)
        try:
            yield event
        finally:
            with self._lock:
                self._waiting[conversation_id].discard(event)
                if not self._waiting[conversation_id]:
                    del self._waiting[conversation_id]

    def notify(self, conversation_id: str) -> None:
        """Wake the streams of a conversation; may be called from any thread."""
        with self._lock:
            events = list(self._waiting.get(conversation_id, ()))
        for event in events:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(event.set)

    def conversations(self) -> list[str]:
        """Return the conversations somebody listens to."""
        with self._lock:
            return list(self._waiting)
