"""A helpdesk that sends tickets while things break, each event until it is accepted, and takes the answers."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from standardwebhooks import Webhook

from agent.tables import Delivery, InboundEvent
from tests.faults.house import House
from tests.faults.visitors import ASKED, DESK, EVERY
from tests.receiver import Receiver

PAUSE = 0.7
LENGTH = 3
"""Messages of a ticket."""


class Helpdesk(threading.Thread):
    """Signed events, one after the other; `accepted` says how many of them the service has said it has."""

    def __init__(self, house: House, receiver: Receiver) -> None:
        super().__init__(daemon=True)
        self.house, self.receiver, self.over = house, receiver, threading.Event()
        self.speaking = threading.Lock()
        self.accepted = 0
        self.trouble: BaseException | None = None
        connect = {"name": "helpdesk", "url": receiver.address("200")}
        self._connection = house.persist("POST", "/v1/admin/connections", params=DESK, json=connect)

    @property
    def connection_id(self) -> str:
        """The connection that its events come by."""
        return str(self._connection["id"])

    def run(self) -> None:
        try:
            while not self.over.wait(PAUSE):
                with self.speaking:
                    self._send(self.accepted)
                    self.accepted += 1
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for us
            self.trouble = error

    def _send(self, number: int) -> None:
        kind = "ticket.replied" if number % LENGTH else "ticket.created"
        data = {"ticket_id": ticket_of(number), "text": f"{ASKED[number % len(ASKED)]} {number}"}
        body, now = json.dumps({"type": kind, "data": data}), datetime.now(UTC)
        headers = {
            "webhook-id": event_of(number),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self._connection["secret"]).sign(event_of(number), now, body),
        }
        path, times = f"/webhooks/standard/{self.connection_id}", 2 if number % EVERY == 0 else 1
        options: dict[str, Any] = {"content": body, "headers": headers}
        with ThreadPoolExecutor(times) as pool:
            for post in [pool.submit(self.house.persist, "POST", path, **options) for _ in range(times)]:
                post.result()

    def is_quiet(self) -> bool:
        """Return whether every event was handled and every answer sent."""
        waiting = select(func.count()).select_from(InboundEvent).where(InboundEvent.status == "queued")
        unsent = select(func.count()).select_from(Delivery).where(Delivery.status == "queued")
        with self.house.database.reading() as session:
            return session.scalar(waiting) == session.scalar(unsent) == 0

    def stop(self) -> None:
        """Stop after the event that is being sent; raise what went wrong."""
        self.over.set()
        self.join(120)
        assert not self.is_alive(), "an event is still waiting to be accepted"
        self.complain()

    def complain(self) -> None:
        """Raise what went wrong, if anything did."""
        if self.trouble is not None:
            raise self.trouble


def ticket_of(number: int) -> str:
    """Name the ticket of an event."""
    return f"T{number // LENGTH}"


def event_of(number: int) -> str:
    """Name an event."""
    return f"evt-{number}"
