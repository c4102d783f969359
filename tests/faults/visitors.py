"""People who write while things break, and who write again until they are heard."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import select

from agent import demo
from agent.tables import Desk
from tests.faults.house import House

DESK = {"desk": demo.desk()["slug"]}
ASKED = ("how do I change my PIN?", "my card still hasn't come", "thank you", "is there a fee abroad?", "hello")
GIVES_UP = "this is no use, get me a human"
PAUSE = 0.2
EVERY = 4
"""One message in so many is posted twice at once."""
LONG, SHORT = 12, 2
"""Messages of a conversation. The last but one of a long one asks for a human, the last is said to that human."""


class Visitor(threading.Thread):
    """Conversation after conversation: numbered messages, one after the other, each until it is accepted.

    `accepted` holds what the service said it has: (conversation id, client message id, turn id), in the order they
    were said.
    """

    def __init__(self, house: House, name: str, desk: str = DESK["desk"], length: int = LONG) -> None:
        super().__init__(daemon=True)
        self.house, self.name_, self.length, self.over = house, name, length, threading.Event()
        self.speaking = threading.Lock()
        self.accepted: list[tuple[str, str, str]] = []
        self.trouble: BaseException | None = None
        with house.database.reading() as session:
            site_key = session.scalars(select(Desk.site_key).where(Desk.slug == desk)).one()
        opened = house.persist("POST", "/v1/chat/session", json={"site_key": site_key})
        self.id, self._headers = opened["visitor_id"], {"authorization": f"Bearer {opened['token']}"}

    def run(self) -> None:
        try:
            conversation, number = None, 0
            while not self.over.wait(PAUSE):
                with self.speaking:
                    conversation = self._say(number, conversation if number % self.length else None)
                number += 1
        except BaseException as error:  # noqa: BLE001 - told to whoever waits for us
            self.trouble = error

    def _say(self, number: int, conversation: str | None) -> str:
        client_id = f"{self.name_}-{number}"
        asks = self.length == LONG and number % LONG == LONG - 2
        words = GIVES_UP if asks else ASKED[number % len(ASKED)]
        body: dict[str, Any] = {"message": f"{words} {number}", "client_message_id": client_id}
        if conversation:
            body["conversation_id"] = conversation
        times = 2 if number % EVERY == 0 else 1
        with ThreadPoolExecutor(times) as pool:
            posts = [pool.submit(self._post, body) for _ in range(times)]
        heard = {post.result() for post in posts}
        assert len(heard) == 1, f"{client_id} was stored as {heard}"
        conversation, turn = heard.pop()
        self.accepted.append((conversation, client_id, turn))
        return conversation

    def _post(self, body: dict[str, Any]) -> tuple[str, str]:
        turn = self.house.persist("POST", "/v1/chat", json=body, headers=self._headers)
        return turn["conversation_id"], turn["turn_id"]

    def stop(self) -> None:
        """Stop after the message that is being said; raise what went wrong."""
        self.over.set()
        self.join(120)
        assert not self.is_alive(), f"{self.name_} is still waiting for an answer"
        self.complain()

    def complain(self) -> None:
        """Raise what went wrong, if anything did."""
        if self.trouble is not None:
            raise self.trouble
