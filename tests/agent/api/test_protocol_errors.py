"""Errors that no route says itself, in the form of the protocol spoken at the path."""

import asyncio
from pathlib import Path

import httpx
import pytest

from agent.api.edge import Edge
from agent.api.origins import Origins
from agent.database import Database


async def post_to_a_busy_server(folder: Path, path: str) -> httpx.Response:
    origins = Origins(Database(f"sqlite:///{folder / 'none.db'}", pool=1))

    async def never(scope: object, receive: object, send: object) -> None:
        raise AssertionError("the application was asked")

    transport = httpx.ASGITransport(Edge(never, origins, at_once=0, waiting=0))
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
        return await client.post(path)


@pytest.mark.parametrize(
    ("path", "start"),
    [
        ("/v1/chat", '{"error":{"code":"too_many_requests","message":"The server is busy'),
        ("/v1/chat/completions", '{"error":{"message":"The server is busy'),
        ("/v1/models", '{"error":{"message":"The server is busy'),
        ("/v1/deep-chat", '{"error":"The server is busy'),
        ("/v1/deep-chat/stream", '{"error":"The server is busy'),
        ("/v1/ai-sdk", "The server is busy"),
        ("/v1/n8n-chat", '{"output":"The server is busy'),
        ("/webhooks/rest/webhook", '{"version":'),
        ("/model/parse", '{"version":'),
        ("/mcp", '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"The server is busy'),
        ("/webhooks/standard/x", '{"error":{"code":"too_many_requests"'),
    ],
)
def test_a_busy_server_says_so_in_the_protocols_own_form(tmp_path: Path, path: str, start: str) -> None:
    answer = asyncio.run(post_to_a_busy_server(tmp_path, path))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.text.startswith(start)
    assert answer.headers["x-request-id"].startswith("req_")


def test_the_documentation_shows_the_errors_of_each_protocol(admin: httpx.Client) -> None:
    paths = admin.get("/openapi.json").json()["paths"]
    shown = {
        path: paths[path]["post"]["responses"]["401"]["content"]
        for path in (
            "/v1/chat",
            "/v1/chat/stream",
            "/v1/chat/completions",
            "/v1/deep-chat",
            "/v1/ai-sdk",
            "/v1/n8n-chat",
            "/webhooks/rest/webhook",
            "/model/parse",
        )
    }
    schemas = {path: next(iter(content.values()))["schema"] for path, content in shown.items()}
    assert schemas["/v1/chat"]["$ref"].endswith("/ProblemAnswer")
    assert list(shown["/v1/chat/stream"]) == ["application/json"]
    assert schemas["/v1/chat/stream"] == schemas["/v1/chat"]
    assert schemas["/v1/chat/completions"]["$ref"].endswith("/OpenAIProblem")
    assert schemas["/v1/deep-chat"]["$ref"].endswith("/DeepChatProblem")
    assert schemas["/v1/n8n-chat"]["$ref"].endswith("/N8nProblem")
    assert schemas["/webhooks/rest/webhook"]["$ref"].endswith("/RasaProblem")
    assert schemas["/model/parse"]["$ref"].endswith("/RasaProblem")
    assert list(shown["/v1/ai-sdk"]) == ["text/plain"]
