"""Visitors who each write the next message when the last is answered; with as little work on this side as can be.

Reads a plan from standard input and prints what was met, both JSON. The plan: `addresses` of the APIs, `site_key`,
`texts`, `clients`, `seconds`, `length` (messages of a conversation), `pause` (seconds between two messages, 0 without
it). Visitors are spread over the APIs; whoever is refused or cut off goes to the next one with the same message.

Printed: `started` and `ended`, `turns` as [when it was answered, milliseconds, address, client message id, turn id,
conversation id, rows that were read, {skill: version}], `refused` as {status: how often}, `without_retry_after`,
`cut_off`: connections that broke. Times are of the system's monotonic clock, the same in all processes.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any

SKILLS = 4
Plan = dict[str, Any]


class Connection:
    """One kept-alive HTTP connection."""

    def __init__(self) -> None:
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, address: str, path: str, token: str, body: Any) -> tuple[int, bytes, bytes]:  # noqa: ANN401 - JSON
        """Return status, head and body of the answer. Raises OSError or EOFError if the connection breaks."""
        if self._streams is None:
            host, port = address.split(":")
            self._streams = await asyncio.open_connection(host, int(port))
        reader, writer = self._streams
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        answer = await reader.readuntil(b"\r\n\r\n")
        size = int(re.search(rb"content-length: (\d+)", answer)[1])  # type: ignore[index]
        return int(answer[9:12]), answer, await reader.readexactly(size)

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Visitor:
    """One visitor, with a token and a connection."""

    def __init__(self, number: int, plan: Plan, met: dict[str, Any]) -> None:
        self._number, self._plan, self._met = number, plan, met
        first = number % len(plan["addresses"])
        self._addresses = plan["addresses"][first:] + plan["addresses"][:first]
        self._connection, self._token = Connection(), ""

    async def arrive(self) -> None:
        """Open a session."""
        said = {"site_key": self._plan["site_key"]}
        self._token = (await self._persist("/v1/chat/session", said))[0]["token"]

    async def write(self, until: float) -> None:
        """Write message after message."""
        texts, length, said, conversation, rows = self._plan["texts"], self._plan["length"], 0, None, 0
        while time.monotonic() < until:
            begins = said % length == 0
            text, name = texts[(self._number * 37 + said) % len(texts)], f"{self._number}-{said}"
            body = {"message": text, "client_message_id": name}
            body |= {} if begins else {"conversation_id": conversation}
            start = time.monotonic()
            turn, address = await self._persist("/v1/chat", body)
            now = time.monotonic()
            conversation = turn["conversation_id"]
            versions = {verdict["skill"]: verdict["version"] for verdict in turn["verdicts"]}
            mixed = {(verdict["skill"], verdict["version"]) for verdict in turn["verdicts"]}
            rows = rows_of(text, begins) if versions else 0
            turn_of = [name, turn["turn_id"], conversation, rows, versions, len(mixed) > len(versions)]
            self._met["turns"].append([now, (now - start) * 1000, address, *turn_of])
            said += 1
            await asyncio.sleep(self._plan.get("pause", 0.0))

    async def _persist(self, path: str, body: dict[str, Any]) -> tuple[Any, str]:
        """Post until somebody takes it."""
        while True:
            try:
                status, head, content = await self._connection.post(self._addresses[0], path, self._token, body)
            except (OSError, EOFError):
                self._met["cut_off"] += 1
                self._go_on()
                continue
            if status < 300:
                return json.loads(content), self._addresses[0]
            self._met["refused"][status] = self._met["refused"].get(status, 0) + 1
            told = re.search(rb"retry-after: (\d+)", head)
            self._met["without_retry_after"] += told is None
            if len(self._addresses) > 1:
                self._go_on()
            await asyncio.sleep(int(told[1]) if told else 1)

    def _go_on(self) -> None:
        """Go to the next API."""
        self._connection.close()
        self._addresses = [*self._addresses[1:], self._addresses[0]]


def rows_of(text: str, begins: bool) -> int:
    """Return how many rows the backbone reads for a message, as agent/reading.py chooses them.

    They are one bare and one a skill; and for a search two for each of several questions, and two for the message
    read after the one before.
    """
    asked = [part for part in re.findall(r"[^?]+\?", text) if len(part.split()) >= 3]
    further = (min(len(asked), 3) if len(asked) > 1 else 0) + (not begins)
    return 1 + SKILLS + 2 * further


async def main(plan: Plan) -> dict[str, Any]:
    """Let everybody in, then let them write."""
    met: dict[str, Any] = {"turns": [], "refused": {}, "without_retry_after": 0, "cut_off": 0}
    visitors = [Visitor(number, plan, met) for number in range(plan["clients"])]
    for visitor in visitors:
        await visitor.arrive()
    met["started"] = time.monotonic()
    until = met["started"] + plan["seconds"]
    await asyncio.gather(*(visitor.write(until) for visitor in visitors))
    met["ended"] = time.monotonic()
    return met


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
