"""Training runs on processor time that nobody else wants, as long as there is some.

A lower priority (`nice`) is not enough: a thread that answers customers and wakes on a core where training runs may
still wait for the end of its slice, and one forward wakes its threads hundreds of times (docs/decisions/0013).
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOOK_SECONDS = 5.0
LEAST_SHARE = 0.2
"""Share of one core below which a training is starved: it then goes on at the worker's ordinary priority."""


@contextmanager
def spare_time() -> Iterator[None]:
    """Let this thread run only on idle cores while the block runs (where Linux can), unless that starves it."""
    if not hasattr(os, "SCHED_IDLE"):
        yield
        return
    thread, before, done = threading.current_thread(), os.sched_getscheduler(0), threading.Event()
    watch = threading.Thread(target=_feed, args=(thread, before, done), name="spare-time", daemon=True)
    watch.start()  # before the class changes: threads take over that of the one that starts them
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        yield
    finally:
        done.set()
        watch.join()
        os.sched_setscheduler(0, before, os.sched_param(0))


def _feed(thread: threading.Thread, ordinary: int, done: threading.Event) -> None:
    """Give a thread its ordinary scheduling class back if it hardly gets any time."""
    clock = time.pthread_getcpuclockid(thread.ident or 0)
    had, looked = time.clock_gettime(clock), time.monotonic()
    while not done.wait(LOOK_SECONDS):
        has, now = time.clock_gettime(clock), time.monotonic()
        if has - had < LEAST_SHARE * (now - looked):
            os.sched_setscheduler(thread.native_id or 0, ordinary, os.sched_param(0))
            return
        had, looked = has, now
