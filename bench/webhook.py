"""How soon a helpdesk's event is accepted, while workers read those that came before.

Start an installation with `make run`, then: python bench/webhook.py [EVENTS]
"""

import json
import statistics
import sys
from datetime import UTC, datetime
from http.client import HTTPConnection
from urllib.parse import urlsplit
from uuid import uuid4

from standardwebhooks import Webhook
from turn import call, timed

from agent import demo
from frostdesk.keyfile import find_access

EVENTS, WARM_UP, GOAL = 200, 10, 50


def main(count: int) -> None:
    """Post signed events of one ticket each to a connection that only watches; print the times of acceptance."""
    access, name = find_access(), f"bench-{uuid4().hex[:8]}"
    address = urlsplit(access.url)
    server = HTTPConnection(str(address.hostname), address.port, timeout=60)
    made = call(server, "/v1/admin/connections", access.key, {"name": name, "mode": "watch"})
    path, signer, texts = urlsplit(made["endpoint"]).path, Webhook(made["secret"]), demo.read("gate.jsonl")
    taken = []
    try:
        for number in range(count + WARM_UP):
            said = {"ticket_id": f"{name}-{number}", "text": texts[number % len(texts)]["text"]}
            taken.append(timed(lambda s=said: _post(server, path, signer, s)))
    finally:
        server.request("DELETE", f"/v1/admin/connections/{name}", headers={"authorization": f"Bearer {access.key}"})
        server.getresponse().read()
    taken = sorted(taken[WARM_UP:])
    print(f"{count} events accepted: {statistics.median(taken):.1f} ms median, {taken[int(count * 0.99)]:.1f} ms p99")
    print(f"goal: {GOAL} ms median")


def _post(server: HTTPConnection, path: str, signer: Webhook, said: dict[str, str]) -> None:
    body, event, now = json.dumps({"type": "ticket.created", "data": said}), f"evt_{uuid4().hex}", datetime.now(UTC)
    headers = {
        "content-type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signer.sign(event, now, body),
    }
    server.request("POST", path, body, headers)
    answer = server.getresponse()
    content = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{path} answered {answer.status}: {content.decode()}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
