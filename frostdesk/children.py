"""Child processes under watch: restarted when they die, stopped together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
HEALTHY_SECONDS = 60.0
LOG_BYTES = 20 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """One process that should always run. `stdin` is given to it once at each start."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    stdin: bytes = b""
    patience: float = 20.0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = FIRST_WAIT
    due: float = field(default=0.0)

    def start(self) -> None:
        """Start the process in a group of its own; it dies with us even if we are killed."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".1.log"))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command,
                env=dict(self.env),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - the supervisor has one thread
            )
        assert self.process.stdin is not None
        self.process.stdin.write(self.stdin)
        self.process.stdin.close()
        self.started = time.monotonic()

    def look(self) -> str | None:
        """Restart the process if it has died (after a growing wait); return what there is to say."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is None:
            return None
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):  # what it had started goes with it
                os.killpg(self.process.pid, signal.SIGKILL)
            code, self.process = self.process.returncode, None
            self.wait = FIRST_WAIT if now - self.started > HEALTHY_SECONDS else min(self.wait * 2, LONGEST_WAIT)
            self.due = now + self.wait
            return f"{self.name} ended with {code}; starting it again in {self.wait:.1f} s (see {self.log})"
        if now >= self.due:
            self.start()
            return f"{self.name} started again"
        return None

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def stop(self) -> None:
        """Wait for the process, then kill its whole group."""
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(self.patience)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def python(*arguments: str) -> list[str]:
    """Return a command that runs a module with this interpreter."""
    return [sys.executable, "-m", *arguments]


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
