"""Trying a connection out: one sample message through the running server, step by step."""

import time
from typing import Any

from frostdesk.client import BAD_INPUT, Client, fail, part
from frostdesk.options import console

PATIENCE = 60.0
LOOK_SECONDS = 0.3


def try_out(client: Client, name: str, sample: dict[str, Any], path: str) -> None:
    """Post a signed sample event and print what becomes of it; end the command if it goes wrong."""
    taken = client.call("POST", path, content=sample["body"], headers=sample["headers"])
    console.print(f"1  posted to {path}: {taken['status']} (signature, time and size are right)")
    event = _handled(client, name, sample["event_id"])
    if event is None:
        fail("No worker has read the event. Is one running? 'frostdesk up' starts it.", BAD_INPUT)
    if event["status"] != "handled" or not event["turn_id"]:
        fail(f"2  the event is {event['status']}: {event['error'] or 'nothing to do'}", BAD_INPUT)
    turn = client.get(f"/v1/admin/turns/{part(event['turn_id'])}")
    console.print(f"2  read by a worker: intent {turn['route']['intent'] or 'none'}, {turn['outcome']}")
    console.print(f"3  answer: {turn['reply'] or '(none)'}")
    planned = client.get("/v1/admin/deliveries", event=event["id"])
    actions = ", ".join(row["action"] for row in planned) or "nothing"
    console.print(f"4  a real customer's message would have sent: {actions}. For this test nothing was sent.")


def _handled(client: Client, name: str, event_id: str) -> dict[str, Any] | None:
    """Return the event once a worker is done with it, None if none ever is."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        listed: list[dict[str, Any]] = client.get("/v1/admin/events", connection=name, limit=20)
        for event in listed:
            if event["event_id"] == event_id and event["status"] != "queued":
                return event
        time.sleep(LOOK_SECONDS)
    return None
