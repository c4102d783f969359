"""What answers now: one immutable value per desk, swapped by replacing a reference.

A turn takes one snapshot and keeps it, so no turn mixes versions. The cache is bounded; a desk that is
not in it is loaded on first use.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Live(Generic[Value]):
    """A bounded map from desk id to its current value (least recently used goes first)."""

    def __init__(self, load: Callable[[str], Value], desks: int = 1000) -> None:
        self._load, self._desks = load, desks
        self._values: OrderedDict[str, Value] = OrderedDict()
        self._lock = threading.Lock()

    def snapshot(self, desk_id: str) -> Value:
        """Return the desk's current value, loading it on first use. Raises what the loader raises."""
        with self._lock:
            if desk_id in self._values:
                self._values.move_to_end(desk_id)
                return self._values[desk_id]
        value = self._load(desk_id)
        self.swap(desk_id, value)
        return value

    def peek(self, desk_id: str) -> Value | None:
        """Return the current value without loading or touching the order."""
        return self._values.get(desk_id)

    def swap(self, desk_id: str, value: Value) -> None:
        """Replace the desk's value for every later snapshot."""
        with self._lock:
            self._values[desk_id] = value
            self._values.move_to_end(desk_id)
            while len(self._values) > self._desks:
                self._values.popitem(last=False)

    def desks(self) -> list[str]:
        """Return the ids of the desks in the cache."""
        with self._lock:
            return list(self._values)
