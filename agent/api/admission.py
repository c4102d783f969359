"""Who may work now: so many requests at once, so many more wait in the order they came, the others are refused."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

LIMITED = ("/v1/", "/webhooks/", "/model/", "/mcp")


def takes_a_place(path: str) -> bool:
    """Return whether a request works; pages, health checks and streams that only wait for news do not."""
    return path.startswith(LIMITED) and not path.endswith("/events")


class Admission:
    """`at_once` places, and `waiting` requests that wait for one."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._places, self._most = anyio.Semaphore(at_once), at_once + waiting
        self._inside = 0

    @property
    def full(self) -> bool:
        """Whether the next request is refused."""
        return self._inside >= self._most

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place and hold it."""
        self._inside += 1
        try:
            async with self._places:
                yield
        finally:
            self._inside -= 1
