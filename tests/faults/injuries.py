"""What is done to a running installation, each as a function of the house and of the run it disturbs.

Each returns whether it hurt anything: a training may have ended by then.
"""

import os
import resource
import signal
from collections.abc import Callable
from datetime import timedelta
from random import Random

from sqlalchemy import select, update

from agent.leases import LEASE as EVENT_LEASE
from agent.retrainings import LEASE
from agent.tables import Desk, InboundEvent, Retraining, utc_now
from tests.conftest import wait_for
from tests.faults.house import House

Injury = Callable[[House, str, Random], bool]
TINY_FILE = 1024


def kill_training_child(house: House, run: str, _chance: Random) -> bool:
    """F1: the process that trains dies."""
    pid = _trainer(house, run)
    if pid:
        os.kill(pid, signal.SIGKILL)
    return pid is not None


def kill_worker_group(house: House, run: str, chance: Random) -> bool:
    """F2: a training worker dies with everything it started."""
    pid = _trainer(house, run)
    group = os.getpgid(pid) if pid else house.pid(chance.choice(("training1", "training2")))
    os.killpg(group, signal.SIGKILL)
    return True


def kill_event_worker(house: House, _run: str, _chance: Random) -> bool:
    """F2: the worker that reads tickets dies with everything it started, in the middle of one."""
    group = house.pid("events")
    wait_for(lambda: _stopped_while_reading(house, group), 60)
    os.killpg(group, signal.SIGKILL)
    return True


def _stopped_while_reading(house: House, group: int) -> bool:
    """Stop the event worker; let it go on unless it has just taken an event and is not done with it."""
    os.killpg(group, signal.SIGSTOP)
    fresh = InboundEvent.lease_until > utc_now() + EVENT_LEASE - timedelta(seconds=1)
    with house.database.reading() as session:
        caught = session.scalar(select(InboundEvent.id).where(InboundEvent.status == "queued", fresh).limit(1))
    if caught is None:
        os.killpg(group, signal.SIGCONT)
    return caught is not None


def kill_api(house: House, _run: str, chance: Random) -> bool:
    """An API dies in the middle of whatever it is answering."""
    house.kill(chance.choice(("api1", "api2")))
    return True


def kill_queue(house: House, _run: str, _chance: Random) -> bool:
    """F3: the queue server dies in the middle of a task."""
    house.kill("queue")
    return True


def kill_postgres(house: House, _run: str, _chance: Random) -> bool:
    """F10: the database server dies."""
    house.kill_postgres()
    return True


def stop_past_the_lease(house: House, run: str, _chance: Random) -> bool:
    """F6: the process that trains is stopped, another takes its run over, and it wakes up again."""
    pid = _trainer(house, run)
    if pid is None:
        return False
    before = _row(house, run).attempt
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: (row := _row(house, run)).attempt > before or row.ended_at, LEASE.total_seconds() + 60)
    finally:
        os.kill(pid, signal.SIGCONT)
    return True


def hang_queue(house: House, _run: str, _chance: Random) -> bool:
    """F5: the queue server keeps its connections and says nothing for ten seconds."""
    pid = house.pid("queue")
    os.kill(pid, signal.SIGSTOP)
    try:
        house.persist("POST", "/v1/chat", params={"desk": "small"}, json={"message": "is anybody there?"}, seconds=10)
    finally:
        os.kill(pid, signal.SIGCONT)
    return True


def fill_disks(house: House, run: str, chance: Random) -> bool:
    """F11: neither an API nor a training worker can write a file until they are started again."""
    api = house.pid(chance.choice(("api1", "api2")))
    for pid in {api, _trainer(house, run) or house.pid("training1")}:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (TINY_FILE, TINY_FILE))
    return True


def spoil_caches(house: House, _run: str, _chance: Random) -> bool:
    """F12: every prompt an API keeps on disk is damaged while the API is down."""
    house.kill("api1", for_good=True)
    for path in (house.folder / "api1" / "prompts").iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    house.paused.discard("api1")
    return True


def lose_hints(house: House, _run: str, _chance: Random) -> bool:
    """A desk changes and nobody is told: the polls must find it."""
    with house.database.writing() as session:
        session.execute(update(Desk).values(revision=Desk.revision + 1))
    return True


INJURIES: dict[str, Injury] = {
    "training child killed": kill_training_child,
    "queue server killed": kill_queue,
    "API killed": kill_api,
    "PostgreSQL killed": kill_postgres,
    "worker group killed": kill_worker_group,
    "event worker killed": kill_event_worker,
    "prompts on disk damaged": spoil_caches,
    "queue server hangs": hang_queue,
    "disks full": fill_disks,
    "stopped past the lease": stop_past_the_lease,
    "hints lost": lose_hints,
}


def _trainer(house: House, run: str) -> int | None:
    """Return the process that trains, None if the run has ended already."""
    wait_for(lambda: _row(house, run).status != "queued", 90)
    row = _row(house, run)
    return int(row.worker.rpartition(":")[2]) if row.status == "running" and row.worker else None


def _row(house: House, run: str) -> Retraining:
    with house.database.reading() as session:
        return session.get_one(Retraining, run)
