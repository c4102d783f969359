"""Training runs on processor time that nobody else wants.

A lower priority (`nice`) is not enough: a thread that answers customers and wakes on a core where training runs may
still wait for the end of its slice, and one forward wakes its threads hundreds of times (docs/decisions/0013).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def spare_time() -> Iterator[None]:
    """Let this thread, and threads it starts, run only on idle cores while the block runs (where Linux can)."""
    if not hasattr(os, "SCHED_IDLE"):
        yield
        return
    before, nothing = os.sched_getscheduler(0), os.sched_param(0)
    os.sched_setscheduler(0, os.SCHED_IDLE, nothing)
    try:
        yield
    finally:
        os.sched_setscheduler(0, before, nothing)
