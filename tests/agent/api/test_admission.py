"""So many requests work, so many wait in their order, the others are told to come again."""

import asyncio
from pathlib import Path

import httpx
import pytest

from agent.api.admission import Admission, takes_a_place
from agent.api.edge import Edge
from agent.api.origins import Origins
from agent.database import Database


@pytest.mark.parametrize(
    ("path", "takes"),
    [
        ("/v1/chat", True),
        ("/webhooks/standard/x", True),
        ("/mcp", True),
        ("/v1/conversations/c/events", False),
        ("/readyz", False),
        ("/static/widget.js", False),
    ],
)
def test_only_what_works_takes_a_place(path: str, takes: bool) -> None:
    assert takes_a_place(path) is takes


def test_who_waits_is_let_in_in_the_order_they_came() -> None:
    served: list[int] = []

    async def ask(admission: Admission, number: int) -> None:
        async with admission.place():
            await asyncio.sleep(0)
            served.append(number)

    async def everybody() -> tuple[bool, bool]:
        admission = Admission(at_once=1, waiting=4)
        asks = [asyncio.ensure_future(ask(admission, number)) for number in range(5)]
        await asyncio.sleep(0)
        full = admission.full
        await asyncio.gather(*asks)
        return full, admission.full

    assert asyncio.run(everybody()) == (True, False)
    assert served == [0, 1, 2, 3, 4]


def test_beyond_those_who_wait_a_request_is_refused_at_once(tmp_path: Path) -> None:
    origins, go_on, begun = Origins(Database(f"sqlite:///{tmp_path / 'none.db'}", pool=1)), asyncio.Event(), []

    async def slow(scope: object, receive: object, send: object) -> None:
        begun.append(scope)
        await go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    async def crowd() -> list[int]:
        transport = httpx.ASGITransport(Edge(slow, origins, at_once=1, waiting=2))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
            posts = [asyncio.ensure_future(client.post("/v1/chat")) for _ in range(5)]
            done, _ = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
            assert (len(begun), {post.result().status_code for post in done}) == (1, {429})
            go_on.set()
            return sorted([post.status_code for post in await asyncio.gather(*posts)])

    assert asyncio.run(crowd()) == [200, 200, 200, 429, 429]
