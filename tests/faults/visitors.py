"""People who write while things break, and who write again until they are heard."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agent import demo
from tests.faults.house import House

DESK = {"desk": demo.desk()["slug"]}
ASKED = ("how do I change my PIN?", "my card still hasn't come", "thank you", "is there a fee abroad?", "hello")
PAUSE = 0.2
EVERY = 4
"""One message in so many is posted twice at once."""


class Visitor(threading.Thread):
    """One conversation: numbered messages, one after the other, each until it is accepted.

    `accepted` holds what the service said it has: (client message id, turn id), in the order they were said.
    """

    def __init__(self, house: House, name: str) -> None:
        super().__init__(daemon=True)
        self.house, self.name_, self.over = house, name, threading.Event()
        self.conversation: str | None = None
        self.accepted: list[tuple[str, str]] = []
        self.trouble: BaseException | None = None

    def run(self) -> None:
        try:
            number = 0
            while not self.over.wait(PAUSE):
                self._say(number)
                number += 1
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for us
            self.trouble = error

    def _say(self, number: int) -> None:
        client_id = f"{self.name_}-{number}"
        body: dict[str, Any] = {"message": f"{ASKED[number % len(ASKED)]} {number}", "client_message_id": client_id}
        if self.conversation:
            body["conversation_id"] = self.conversation
        times = 2 if number % EVERY == 1 else 1
        with ThreadPoolExecutor(times) as pool:
            posts = [pool.submit(self.house.persist, "POST", "/v1/chat", params=DESK, json=body) for _ in range(times)]
        turns = {post.result()["turn_id"] for post in posts}
        assert len(turns) == 1, f"{client_id} became {len(turns)} turns"
        self.conversation = posts[0].result()["conversation_id"]
        self.accepted.append((client_id, turns.pop()))

    def stop(self) -> None:
        """Stop after the message that is being said; raise what went wrong."""
        self.over.set()
        self.join(120)
        assert not self.is_alive(), f"{self.name_} is still waiting for an answer"
        if self.trouble is not None:
            raise self.trouble
