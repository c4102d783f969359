"""Whole installations: everybody writes to SQLite at once; several processes share PostgreSQL."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from agent import demo
from agent.database import Database
from agent.keys import make_key
from agent.tables import Connection, InboundEvent, utc_now
from frostdesk.children import Child, python
from frostdesk.queue_server import free_port
from tests.conftest import START_SECONDS, Running, fresh_postgres, installation, wait_for
from tests.receiver import Receiver
from tests.workers.conftest import small_desk

WRITING_SECONDS = 30
LONGEST_RUN = 120
ASKED = ("my new card still hasn't come", "how do I change my PIN", "is there a fee abroad?", "get me a human")


class Busy:
    """People and programs at one installation, each until the time is over."""

    def __init__(self, running: Running, connection: dict[str, Any], receiver: Receiver) -> None:
        self.running, self.connection, self.receiver = running, connection, receiver
        self.over = time.monotonic() + WRITING_SECONDS
        self.statuses: list[int] = []
        self.turns: SimpleQueue[str] = SimpleQueue()
        self.accepted = 0

    def going(self) -> bool:
        return time.monotonic() < self.over

    def post(self, client: httpx.Client, path: str, **named: Any) -> httpx.Response:
        answer = client.post(path, **named)
        self.statuses.append(answer.status_code)
        return answer

    def chat(self) -> None:
        with closing(self.running.visitor()) as visitor:
            while self.going():
                for text in ASKED:
                    turn = self.post(visitor, "/v1/chat", json={"message": text}).json()["turn_id"]
                    self.post(visitor, f"/v1/turns/{turn}/feedback", json={"rating": "down"})
                    self.turns.put(turn)

    def correct(self) -> None:
        with self.running.admin() as admin:
            while self.going():
                try:
                    turn = self.turns.get(timeout=1)
                except Empty:
                    continue
                target = {"topic": "cards", "priority": "low"}
                body = {"turn_id": turn, "skill": "classification", "target": target}
                self.post(admin, "/v1/admin/corrections", json=body)

    def send_events(self) -> None:
        """Post signed events, never more than a few ahead of the answers that come back."""
        with httpx.Client(trust_env=False, timeout=60) as helpdesk:
            while self.going():
                name = f"evt_{self.accepted}"
                data = {"ticket_id": f"T{self.accepted}", "text": ASKED[self.accepted % 4]}
                body, now = json.dumps({"type": "ticket.created", "data": data}), datetime.now(UTC)
                headers = {"webhook-id": name, "webhook-timestamp": str(int(now.timestamp()))}
                headers["webhook-signature"] = Webhook(self.connection["secret"]).sign(name, now, body)
                self.post(helpdesk, self.connection["endpoint"], content=body, headers=headers)
                self.accepted += 1
                wait_for(lambda: self.accepted - len(self.receiver.got) < 5 or not self.going(), WRITING_SECONDS + 5)


@pytest.mark.slow
def test_everybody_writing_at_once_locks_nothing_and_loses_nothing(tmp_path: Path, receiver: Receiver) -> None:
    with installation(tmp_path / "data", FROSTDESK_VISITOR_PER_MINUTE="100000") as running, running.admin() as admin:
        connect = {"name": "helpdesk", "url": receiver.address("200")}
        connection = admin.post("/v1/admin/connections", json=connect).raise_for_status().json()
        admin.patch("/v1/admin/skills/classification", json={"retrain_after": 10}).raise_for_status()
        lost = lose_an_event(running.data, connection["id"])
        busy = Busy(running, connection, receiver)
        with ThreadPoolExecutor(6) as pool:
            for done in [pool.submit(act) for act in (busy.chat, busy.chat, busy.chat, busy.correct, busy.send_events)]:
                done.result()
        assert len(busy.statuses) > 100
        assert {status for status in busy.statuses if status not in (200, 201, 202, 204)} == set()
        wait_for(lambda: len(receiver.got) == busy.accepted + 1, 60)
        answered = [json.loads(body)["data"]["ticket_id"] for _, body, _ in receiver.got]
        assert sorted(answered) == sorted([lost, *(f"T{n}" for n in range(busy.accepted))])
        runs = admin.get("/v1/admin/retrainings").json()
        assert {run["trigger"] for run in runs} == {"corrections"}
        assert sum(run["ended_at"] is None for run in runs) <= 1
        written = "".join(path.read_text() for path in [*(running.data / "logs").iterdir(), running.output])
    assert "database is locked" not in written
    assert "Traceback" not in written


def lose_an_event(data: Path, connection: str) -> str:
    """Store an event whose nudge was lost; return its ticket."""
    database = Database(f"sqlite:///{data / 'frostdesk.db'}", pool=1)
    body = json.dumps({"type": "ticket.created", "data": {"ticket_id": "lost", "text": ASKED[0]}}).encode()
    with database.writing() as session:
        assert session.scalars(select(Connection.id)).all() == [connection]
        long_ago = utc_now() - timedelta(minutes=1)
        session.add(
            InboundEvent(connection_id=connection, event_id="lost", ticket_id="lost", body=body, received_at=long_ago)
        )
    database.close()
    return "lost"


@contextmanager
def started(
    folder: Path, name: str, url: str, queue_url: str, *arguments: str, **more: str
) -> Iterator[dict[str, str]]:
    """Run one part of an installation in a data folder of its own."""
    env = {"DATABASE_URL": url, "REDIS_URL": queue_url, "FROSTDESK_DATA": str(folder / name)}
    env |= {"FROSTDESK_PORT": str(free_port()), "FROSTDESK_TORCH_THREADS": "1", "REMAP_SIGTERM": "SIGQUIT", **more}
    child = Child(name, python("frostdesk", *arguments), {**os.environ, **env}, folder / f"{name}.log")
    child.start()
    try:
        yield env
    finally:
        child.ask_to_stop()
        child.stop()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").is_success
    except httpx.HTTPError:
        return False


def client_of(env: dict[str, str], key: str) -> httpx.Client:
    """Return an admin's client of one API process and of the small desk."""
    headers, url = {"authorization": f"Bearer {key}"}, f"http://127.0.0.1:{env['FROSTDESK_PORT']}"
    return httpx.Client(base_url=url, headers=headers, params={"desk": "small"}, timeout=60, trust_env=False)


def version_said(client: httpx.Client) -> int | None:
    """Return the number of the version that answers, None if none does."""
    verdicts = client.post("/v1/chat", json={"message": "my card is lost"}).raise_for_status().json()["verdicts"]
    return next((verdict["version"] for verdict in verdicts if verdict["skill"] == "classification"), None)


@pytest.mark.slow
def test_two_apis_and_two_workers_share_one_database(
    tmp_path: Path, postgres: str, demo_template: str, own_queue: str
) -> None:
    with ExitStack() as stack:
        url = stack.enter_context(fresh_postgres(postgres, demo_template))
        database = Database(url, pool=1)
        with database.writing() as session:
            small_desk(session)
            _, key = make_key(session, "test", None)
        database.close()
        hinted = started(tmp_path, "api1", url, own_queue, "api", FROSTDESK_POLL_SECONDS="600")
        deaf = started(tmp_path, "api2", url, f"redis://127.0.0.1:{free_port()}/0", "api")
        apis = [stack.enter_context(api) for api in (hinted, deaf)]
        for n in (1, 2):
            stack.enter_context(started(tmp_path, f"worker{n}", url, own_queue, "worker", "--queue", "training"))
        one, two = (stack.enter_context(client_of(env, key)) for env in apis)
        for client in (one, two):
            wait_for(lambda client=client: answers(client), START_SECONDS)
            assert version_said(client) is None
        cancel_a_running_one(one, two)
        for number in (1, 2):
            run = retrained(one, seed=number)
            assert (run["status"], run["attempt"], run["candidate"]) == ("promoted", 1, number), run
            everybody_says(number, one, two)
            logs = [(tmp_path / f"worker{n}.log").read_text() for n in (1, 2)]
            assert [f"retraining={run['id']}" in log for log in logs].count(True) == 1
        one.post("/v1/admin/skills/classification/rollback").raise_for_status()
        everybody_says(1, one, two)
        for name in ("api1", "api2"):
            kept = {path.stem for path in (tmp_path / name / "prompts").iterdir()}
            digests = {version["digest"] for version in one.get("/v1/admin/skills/classification/versions").json()}
            assert digests <= kept
        assert not any((tmp_path / name / "frostdesk.db").exists() for name in ("api1", "api2", "worker1", "worker2"))


def cancel_a_running_one(one: httpx.Client, two: httpx.Client) -> None:
    """A long run that one process opened is followed and cancelled through the other."""
    desk = {"desk": demo.desk()["slug"]}
    run = one.post("/v1/admin/skills/sentiment/retrain", params=desk).raise_for_status().json()["id"]
    wait_for(lambda: progress(two, run, desk)["progress"].get("done", 0) > 0, LONGEST_RUN)
    two.post(f"/v1/admin/retrainings/{run}/cancel", params=desk).raise_for_status()
    wait_for(lambda: progress(one, run, desk)["status"] == "cancelled", LONGEST_RUN)
    assert progress(two, run, desk)["candidate"] is None


def progress(client: httpx.Client, run: str, desk: dict[str, str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/admin/retrainings/{run}", params=desk).raise_for_status().json()
    return found


def retrained(client: httpx.Client, seed: int) -> dict[str, Any]:
    """Retrain the small desk's skill, on the real backbone, to the end."""
    opened = client.post("/v1/admin/skills/classification/retrain", json={"seed": seed}).raise_for_status()
    run: str = opened.json()["id"]
    wait_for(lambda: progress(client, run)["ended_at"] is not None, LONGEST_RUN)
    return progress(client, run)


def everybody_says(version: int, hinted: httpx.Client, deaf: httpx.Client) -> None:
    """The process that hears hints (and never polls) has a version within 2 s, the one that must poll within 15."""
    for client, seconds in ((hinted, 2), (deaf, 15)):
        wait_for(lambda client=client: version_said(client) == version, seconds)
