"""What MCP clients ask for, with the protocol's own client."""

import asyncio
from typing import Any

import httpx
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, ListToolsResult

from tests.agent.api.conftest import CARD, TwoDesks

MODES = ["auto", "legacy"]


async def _with_client(client: httpx.Client, mode: str, name: str, arguments: dict[str, Any] | None) -> Any:
    url, headers = str(client.base_url.join("/mcp")), {"authorization": client.headers["authorization"]}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as mcp,
    ):
        return await (mcp.list_tools() if arguments is None else mcp.call_tool(name, arguments))


def call(client: httpx.Client, name: str, mode: str = "auto", **arguments: Any) -> CallToolResult:
    result: CallToolResult = asyncio.run(_with_client(client, mode, name, arguments))
    return result


def told(client: httpx.Client, name: str, mode: str = "auto", **arguments: Any) -> dict[str, Any]:
    result = call(client, name, mode, **arguments)
    assert not result.is_error, result.content
    found: dict[str, Any] = result.structured_content
    return found


@pytest.mark.parametrize("mode", MODES)
def test_the_tools_are_listed_with_what_they_take(desks: TwoDesks, mode: str) -> None:
    listed: ListToolsResult = asyncio.run(_with_client(desks.demo, mode, "", None))
    assert {tool.name: tool.input_schema["required"] for tool in listed.tools} == {
        "search_articles": ["query"],
        "classify": ["text"],
        "draft_reply": ["message"],
        "escalate": ["conversation", "message"],
    }
    assert [tool.name for tool in listed.tools if tool.annotations and not tool.annotations.read_only_hint] == [
        "escalate"
    ]


@pytest.mark.parametrize("mode", MODES)
def test_reading_tools_answer_and_store_nothing(desks: TwoDesks, mode: str) -> None:
    before = desks.demo.get("/v1/admin/conversations").json()
    articles = told(desks.demo, "search_articles", mode, query=CARD)["articles"]
    assert articles[0]["slug"] == "card-not-arrived"
    assert articles[0]["confidence"] >= articles[-1]["confidence"]
    read = told(desks.demo, "classify", mode, text=CARD)
    assert read["intent"] == read["ranking"][0]["intent"]
    drafted = told(desks.demo, "draft_reply", mode, message=CARD)
    assert (drafted["outcome"], drafted["article"]) == ("answered", "card-not-arrived")
    assert articles[0]["answer"] in drafted["reply"]
    assert desks.demo.get("/v1/admin/conversations").json() == before


def test_a_conversation_is_handed_over_once(desks: TwoDesks) -> None:
    first, again = (told(desks.demo, "escalate", conversation="c1", message=CARD) for _ in range(2))
    assert (first["outcome"], first["escalation"]["reason"]) == ("escalated", "asked_for_human")
    assert CARD in first["escalation"]["summary"]
    assert (again["outcome"], again["conversation_id"]) == ("silent", first["conversation_id"])
    assert first["escalation"]["id"] in [row["id"] for row in desks.demo.get("/v1/admin/escalations").json()]


def test_a_named_message_is_escalated_once(desks: TwoDesks) -> None:
    call_of = {"conversation": "c2", "message": CARD, "message_id": "m1"}
    first, again = (told(desks.demo, "escalate", **call_of) for _ in range(2))
    assert (again, first["outcome"]) == (first, "escalated")
    second = told(desks.demo, "escalate", **call_of | {"message_id": "m2"})
    assert (second["outcome"], second["conversation_id"]) == ("silent", first["conversation_id"])
    read = desks.demo.get(f"/v1/admin/conversations/{first['conversation_id']}").json()
    assert [message["author"] for message in read["messages"]] == ["customer", "bot", "customer"]


def test_a_key_sees_its_own_desk(desks: TwoDesks) -> None:
    assert told(desks.other, "search_articles", query=CARD) == {"articles": []}
    assert told(desks.other, "classify", text=CARD)["intent"] is None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("classify", {"text": " "}),
        ("classify", {}),
        ("escalate", {"message": "x"}),
        ("escalate", {"conversation": "c", "message": "x", "message_id": ""}),
    ],
)
def test_arguments_that_cannot_be_used_are_said_to_the_model(
    desks: TwoDesks, name: str, arguments: dict[str, Any]
) -> None:
    result = call(desks.demo, name, **arguments)
    assert result.is_error
    assert len(result.content) == 1


def test_there_is_no_other_tool(desks: TwoDesks) -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(MCPError, match="There is no tool 'dance'"), flatten_subgroups=True):
        call(desks.demo, "dance")


@pytest.mark.parametrize(
    ("sent", "status"), [(b"{", 400), (b"[]", 400), (b'{"jsonrpc": "2.0"}', 400), (b" " * 10_000_000, 413)]
)
def test_what_cannot_be_read_gets_one_error(desks: TwoDesks, sent: bytes, status: int) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    answer = desks.demo.post("/mcp", content=sent, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["jsonrpc"] == "2.0"
    assert answer.json()["error"]["message"]


def test_what_is_said_is_in_no_log(desks: TwoDesks) -> None:
    words = "quokkas ate my card"
    headers = {"accept": "application/json, text/event-stream"}
    told(desks.demo, "classify", text=words)
    call(desks.demo, "classify", text=words, more=words)
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    for params in (words, [words], {"name": {"x": words}}, {"name": words}, {"name": "classify", "arguments": words}):
        for version in ("2025-06-18", "2026-07-28"):
            head = headers | {"mcp-protocol-version": version}
            desks.demo.post("/mcp", json=request | {"params": params}, headers=head)
    desks.demo.post("/mcp", json=request | {"id": {"x": words}, "method": [words]}, headers=headers)
    logs = "".join(path.read_text() for path in (desks.running.data / "logs").glob("*.log"))
    assert "route=/mcp" in logs
    assert words not in logs


def test_a_wrong_key_a_visitor_a_wrong_desk_and_a_get_are_refused(visitor: httpx.Client, admin: httpx.Client) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    refused = (
        admin.post("/mcp", json=ping, headers={"authorization": "Bearer fd_nonsense"}),
        visitor.post("/mcp", json=ping),
        admin.post("/mcp?desk=none", json=ping),
        admin.get("/mcp"),
    )
    assert [answer.status_code for answer in refused] == [401, 403, 404, 405]
    assert all(set(answer.json()) == {"jsonrpc", "id", "error"} for answer in refused)
