"""How soon a helpdesk is told that its event is stored, against an empty endpoint that makes the same insert.

    python bench/webhook.py [--quick] [--json]

Both are FastAPI under uvicorn in a process of their own, on an embedded database of their own; ours checks the
signature, knows a repetition and nudges a worker besides.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from uuid import uuid4

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from figures import Figure, paired, show
from processes import Installation, installed, wait_until
from sqlalchemy import insert
from standardwebhooks import Webhook
from turn import timed

from agent import demo
from agent.database import Database
from agent.tables import InboundEvent, new_id, utc_now
from frostdesk.queue_server import free_port

EVENTS, QUICK_EVENTS, WARM_UP = 300, 60, 20
GOAL = 2.0


def measure(quick: bool) -> list[Figure]:
    """Return the ratio of acceptance to the empty endpoint, and what acceptance takes."""
    count, texts = QUICK_EVENTS if quick else EVENTS, demo.read("gate.jsonl")
    with installed(postgres=False) as house, _empty_endpoint(house) as floor:
        server = HTTPConnection("127.0.0.1", house.start_api("api"), timeout=60)
        with house.client("api") as admin:
            made = (
                admin.post("/v1/admin/connections", json={"name": "bench", "mode": "watch"}).raise_for_status().json()
            )
        path, signer = made["endpoint"].partition("/webhooks")[2], Webhook(made["secret"])
        pairs = []
        for number in range(count + WARM_UP):
            said = {"ticket_id": f"bench-{number}", "text": texts[number % len(texts)]["text"]}
            body, headers = _signed(signer, said)
            ours = timed(lambda b=body, h=headers: _post(server, "/webhooks" + path, b, h))
            theirs = timed(lambda b=body, h=headers: _post(floor, f"/{made['id']}", b, h))
            pairs.append((ours, theirs))
    accepted, empty = zip(*pairs[WARM_UP:], strict=True)
    slow = sorted(accepted)[count * 99 // 100]
    return [
        paired("webhook accepted: empty endpoint, same insert", accepted, empty, "at most", GOAL),
        Figure("  median", statistics.median(accepted), unit=" ms", note=f"p99 {slow:.1f} ms"),
    ]


def _signed(signer: Webhook, said: dict[str, str]) -> tuple[str, dict[str, str]]:
    body, event, now = json.dumps({"type": "ticket.created", "data": said}), f"evt_{uuid4().hex}", datetime.now(UTC)
    return body, {
        "content-type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signer.sign(event, now, body),
    }


def _post(server: HTTPConnection, path: str, body: str, headers: dict[str, str]) -> None:
    server.request("POST", path, body, headers)
    answer = server.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{path} answered {answer.status}: {content.decode()}")


@contextmanager
def _empty_endpoint(house: Installation) -> Iterator[HTTPConnection]:
    """Serve the baseline in a process of its own, on the installation's database."""
    port = free_port()
    process = subprocess.Popen([sys.executable, __file__, house.url, str(port)], env=dict(os.environ))
    server = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        wait_until(lambda: _connects(server), "the empty endpoint")
        yield server
    finally:
        process.terminate()
        process.wait()


def _connects(server: HTTPConnection) -> bool:
    try:
        server.connect()
    except ConnectionRefusedError:
        return False
    return True


def serve(url: str, port: int) -> None:
    """Serve one endpoint that inserts what it is sent."""
    app, database = FastAPI(), Database(url, pool=4)

    def store(connection_id: str, body: bytes) -> None:
        with database.writing() as session:
            row = {"id": new_id("evt"), "connection_id": connection_id, "event_id": uuid4().hex}
            session.execute(insert(InboundEvent).values(**row, body=body, received_at=utc_now(), status="ignored"))

    @app.post("/{connection_id}")
    async def take(connection_id: str, request: Request) -> dict[str, str]:
        await run_in_threadpool(store, connection_id, await request.body())
        return {"status": "accepted"}

    config = uvicorn.Config(app, port=port, log_config=None, access_log=False)
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    if not sys.argv[-1].isdigit():
        show(__doc__, measure)
    else:
        serve(sys.argv[-2], int(sys.argv[-1]))
