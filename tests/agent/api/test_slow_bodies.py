"""Bodies that arrive slowly, or never: they keep nobody else waiting, and are not waited for without end."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agent.api.edge import Edge
from agent.api.origins import Origins
from agent.api.slow_bodies import AHEAD_BYTES
from agent.database import Database
from tests.agent.api.conftest import ask
from tests.conftest import Running

SENDERS = 40
"""More than the server has places (16)."""


def begin(server: Running, path: str, visitor: httpx.Client) -> tuple[socket.socket, bytes]:
    """Send a request but for the end of its body; return the connection and what is missing."""
    address = urlsplit(server.url)
    body = json.dumps({"message": "hello"}).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: {address.netloc}\r\nauthorization: {visitor.headers['authorization']}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    connection = socket.create_connection((str(address.hostname), address.port or 80), timeout=60)
    connection.sendall(head.encode() + body[:5])
    return connection, body[5:]


def test_who_sends_slowly_keeps_nobody_waiting(server: Running, visitor: httpx.Client, stranger: httpx.Client) -> None:
    paths = ("/v1/chat", "/v1/chat/stream", "/webhooks/standard/none", "/v1/admin/import/articles?form=csv")
    slow = [begin(server, paths[number % len(paths)], visitor) for number in range(SENDERS)]
    for _ in range(3):  # whichever of them the server has seen by now
        assert ask(stranger, "hello")["outcome"] == "said"
    connection, missing = slow[0]
    connection.sendall(missing)
    answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"outcome":"said"' in answer
    for connection, _ in slow:
        connection.close()
    assert ask(stranger, "hello")["outcome"] == "said"


async def take(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def post_in_pieces(folder: Path, pieces: list[bytes], path: str = "/v1/chat") -> list[dict[str, Any]]:
    """Post a body of which no more comes than these pieces; return what was answered."""
    left, sent = list(pieces), list[Any]()

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": left.pop(0), "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    origins = Origins(Database(f"sqlite:///{folder / 'none.db'}", pool=1))
    edge = Edge(Starlette(routes=[Route("/{rest:path}", take, methods=["POST"])]), origins, 1, 0, body_seconds=0.05)
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], "root_path": ""}
    await edge(scope, receive, send)
    return sent


@pytest.mark.parametrize("pieces", [[], [b"{"], [b"x" * AHEAD_BYTES, b"x"]], ids=["nothing", "little", "much"])
def test_a_body_that_never_ends_is_let_go(tmp_path: Path, pieces: list[bytes]) -> None:
    start, *rest = asyncio.run(post_in_pieces(tmp_path, pieces))
    headers = dict(start["headers"])
    assert (start["status"], headers[b"connection"]) == (408, b"close")
    assert headers[b"x-request-id"].startswith(b"req_")
    assert b"did not arrive in time" in b"".join(message["body"] for message in rest)


def test_a_body_that_never_ends_is_told_so_in_the_protocols_own_form(tmp_path: Path) -> None:
    _, *rest = asyncio.run(post_in_pieces(tmp_path, [], "/v1/deep-chat"))
    assert json.loads(rest[0]["body"]) == {"error": "The body did not arrive in time; send it again."}
