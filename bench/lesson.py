"""From a correction to a better answer, while chat goes on: how long, and what it does to the chat.

    python bench/lesson.py DATA [CHATS_A_SECOND]

Starts an installation of its own with the demo desk, and a second desk whose router has BANKING77's 77 intents:
1,001 examples to learn from, 400 that calibrate and 1,500 that gate. Its first version is tuned; then one answer is
corrected and a retraining asked for. Meanwhile visitors write to the demo desk (all four skills) at an even pace.
Prints the seconds from the trigger to the first answer by the new version, and the median turn before and during it.
"""

import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from prepare import read

from agent import demo
from skills.arms import draw_shots
from skills.skill import Example

SHOTS, CALIBRATION, GATE, IDLE_TURNS, PACE = 13, 400, 1500, 100, 4.0
LONGEST = 600


@contextmanager
def installation(folder: Path) -> Iterator[httpx.Client]:
    """Run `frostdesk up --demo` in a folder; give a client with its key."""
    data = folder / "data"
    env = {**os.environ, "FROSTDESK_DATA": str(data), "FROSTDESK_ADDRESS_PER_MINUTE": "100000"}
    command = [sys.executable, "-m", "frostdesk", "up", "--demo", "--port", "8790"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            while "running" not in (line := process.stdout.readline()):
                if not line:
                    raise SystemExit("The installation did not start.")
            access = json.loads((data / "admin.json").read_text())
            headers = {"authorization": f"Bearer {access['key']}"}
            with httpx.Client(base_url=access["url"], headers=headers, timeout=120, trust_env=False) as client:
                yield client
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def call(client: httpx.Client, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - JSON
    """Call the API; end with what it says when it refuses."""
    answer = client.request(method, path, **options)
    if answer.is_error:
        raise SystemExit(f"{path} answered {answer.status_code}: {answer.text}")
    return answer.json() if answer.content else None


def make_bank(client: httpx.Client, data: Path) -> list[dict[str, Any]]:
    """Make the second desk and bring its examples in; return rows that it has not seen."""
    rows = random.Random(0).sample(found := read(data / "banking77" / "train.jsonl.gz"), len(found))
    taught = draw_shots([Example(row["text"], {"intent": row["intent"]}) for row in rows], "intent", SHOTS, 0)
    known = {example.text for example in taught}
    rest = [row for row in rows if row["text"] not in known]
    call(client, "POST", "/v1/admin/desks", json={"slug": "bank", "name": "Bank"})
    for intent in sorted({row["intent"] for row in rows}):
        name = intent.lower().replace("?", "")
        call(client, "PUT", f"/v1/admin/intents/{name}", params={"desk": "bank"}, json={"action": "say", "reply": "."})
    told = [{"text": example.text, "intent": example.target["intent"]} for example in taught]
    for role, part in (
        ("train", told),
        ("calibration", rest[:CALIBRATION]),
        ("gate", rest[CALIBRATION : CALIBRATION + GATE]),
    ):
        lines = "".join(json.dumps({**row, "intent": row["intent"].lower().replace("?", "")}) + "\n" for row in part)
        params = {"desk": "bank", "skill": "router", "form": "jsonl", "role": role}
        headers = {"content-type": "application/octet-stream"}
        call(client, "POST", "/v1/admin/import/examples", params=params, content=lines.encode(), headers=headers)
    return rest[CALIBRATION + GATE :]


class Chat(threading.Thread):
    """Visitors of the demo desk who write at an even pace until they are told to stop."""

    def __init__(self, client: httpx.Client, pace: float) -> None:
        super().__init__(daemon=True)
        self._client, self._pace, self._over = client, pace, threading.Event()
        self._turns = sys.maxsize
        self.milliseconds: list[float] = []

    def run(self) -> None:
        """Write."""
        texts = [row["text"] for row in demo.read("gate.jsonl")]
        due = time.perf_counter()
        while not self._over.is_set() and len(self.milliseconds) < self._turns:
            start = time.perf_counter()
            said = {"message": texts[len(self.milliseconds) % len(texts)]}
            call(self._client, "POST", "/v1/chat", params={"desk": "pennywhistle"}, json=said)
            self.milliseconds.append((time.perf_counter() - start) * 1000)
            due = max(due + 1 / self._pace, time.perf_counter())
            self._over.wait(due - time.perf_counter())

    def until(self, turns: int) -> float:
        """Write so many messages; return the median turn in milliseconds."""
        self._turns = turns
        self.start()
        self.join()
        return statistics.median(self.milliseconds)

    def stop(self) -> float:
        """Stop; return the median turn in milliseconds."""
        self._over.set()
        self.join()
        return statistics.median(self.milliseconds)


def retrain(client: httpx.Client, text: str, number: int) -> float:
    """Trigger a retraining of the bank's router; return the seconds until version `number` answers."""
    start = time.perf_counter()
    run = call(client, "POST", "/v1/admin/skills/router/retrain", params={"desk": "bank"})
    while time.perf_counter() - start < LONGEST:
        turn = call(client, "POST", "/v1/chat", params={"desk": "bank"}, json={"message": text})
        if any(verdict["version"] == number for verdict in turn["verdicts"]):
            return time.perf_counter() - start
        state = call(client, "GET", f"/v1/admin/retrainings/{run['id']}", params={"desk": "bank"})
        if state["status"] in ("refused", "failed", "cancelled"):
            raise SystemExit(
                f"The retraining was {state['status']}: {state['decision'].get('reason') or state['error']}"
            )
        time.sleep(0.25)
    raise SystemExit(f"No new version answered within {LONGEST} s.")


def main(data: Path, pace: float) -> None:
    """Print the seconds and both medians."""
    with tempfile.TemporaryDirectory() as folder, installation(Path(folder)) as client:
        unseen = make_bank(client, data)
        print(
            f"first version of 1,001 examples answers after {retrain(client, unseen[0]['text'], 1):.1f} s", flush=True
        )
        turn = call(client, "POST", "/v1/chat", params={"desk": "bank"}, json={"message": unseen[0]["text"]})
        before = Chat(client, pace).until(IDLE_TURNS)
        target = {"intent": unseen[0]["intent"].lower().replace("?", "")}
        judged = {"turn_id": turn["turn_id"], "skill": "router", "target": target}
        call(client, "POST", "/v1/admin/corrections", params={"desk": "bank"}, json=judged)
        busy = Chat(client, pace)
        busy.start()
        try:
            seconds = retrain(client, unseen[0]["text"], 2)
        finally:
            during = busy.stop()
        print(f"from the trigger to the first answer by the new version: {seconds:.1f} s")
        print(f"a turn's median: {before:.1f} ms idle, {during:.1f} ms meanwhile ({len(busy.milliseconds)} turns)")
        print(f"ratio {during / before:.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else PACE)
