"""A bound on the memory that one retraining takes, so that it cannot take the machine from those who chat."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skills.errors import CannotTune

GIB = 1024**3
SIZES = Path("/proc/self/statm")
DATA = 5
"""The field of `statm` that counts private, writable pages, which is what RLIMIT_DATA bounds (man 5 proc)."""


@contextmanager
def bounded_memory(gib: float) -> Iterator[None]:
    """Let this process take at most so many GiB more than it has while the block runs (where Linux counts them).

    Raises CannotTune when the block needs more: what it had taken is free again by then.
    """
    if not SIZES.exists():
        yield
        return
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    has = int(SIZES.read_text().split()[DATA]) * resource.getpagesize()
    bound = has + int(gib * GIB)
    resource.setrlimit(resource.RLIMIT_DATA, (min(bound, most) if most != resource.RLIM_INFINITY else bound, most))
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "allocate memory" not in str(error):
            raise
        raise CannotTune(
            f"The training needed more than the {gib:g} GiB of memory it may take. Archive examples the skill does not "
            "need, or give trainings more with FROSTDESK_TRAINING_GIB."
        ) from error
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))
