"""How much one visitor or one address may ask in a minute.

Counted in the queue server, so that several API processes count together; in memory while it is away.
"""

import math
import time

import structlog
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis import RedisError

from agent.errors import TooMany

log = structlog.get_logger(__name__)


class Limits:
    """Fixed windows of a minute."""

    def __init__(self, redis_url: str) -> None:
        storage = RedisStorage(redis_url, socket_connect_timeout=1, socket_timeout=1)
        self._shared = FixedWindowRateLimiter(storage)
        self._local = FixedWindowRateLimiter(MemoryStorage())

    def spend(self, kind: str, who: str, per_minute: int) -> None:
        """Count one request. Raises TooMany, with the seconds to wait, beyond the limit."""
        item = RateLimitItemPerMinute(per_minute, namespace="frostdesk")
        limiter = self._shared
        try:
            allowed = limiter.hit(item, kind, who)
        except (RedisError, StorageError, OSError):
            log.warning("limits_local", reason="queue server away")
            limiter = self._local
            allowed = limiter.hit(item, kind, who)
        if not allowed:
            reset = limiter.get_window_stats(item, kind, who).reset_time
            wait = max(1, math.ceil(reset - time.time()))
            raise TooMany(f"Too many messages; try again in {wait} s.", wait)
