"""What @n8n/chat posts, and what it can show of the answer."""

import json
from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import CARD, HUMAN, NEARLY, TwoDesks, desk_client

PATH = "/v1/n8n-chat"


def body(text: str, session: str = "s1") -> dict[str, Any]:
    return {"action": "sendMessage", "sessionId": session, "chatInput": text, "metadata": {}}


def post(client: httpx.Client, text: str, session: str = "s1") -> dict[str, Any]:
    answer = client.post(PATH, json=body(text, session))
    assert answer.status_code == 200, answer.text
    reply: dict[str, Any] = answer.json()
    return reply


def lines(client: httpx.Client, text: str) -> list[dict[str, Any]]:
    answer = client.post(PATH, json=body(text), headers={"accept": "text/plain"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    return [json.loads(line) for line in answer.text.splitlines()]


def earlier(client: httpx.Client, session: str = "s1") -> list[tuple[str, str]]:
    answer = client.post(PATH, json={"action": "loadPreviousSession", "sessionId": session, "metadata": {}})
    assert answer.status_code == 200, answer.text
    return [(message["id"][-1], message["kwargs"]["content"]) for message in answer.json()["data"]]


def test_a_message_gets_an_output(visitor: httpx.Client) -> None:
    reply = post(visitor, CARD)
    assert reply["output"].startswith(reply["frostdesk"]["reply"])
    assert reply["frostdesk"]["article"]["slug"] == "card-not-arrived"


def test_a_session_goes_on_until_a_human_has_it(visitor: httpx.Client, stranger: httpx.Client) -> None:
    post(visitor, CARD)
    handed = post(visitor, HUMAN)["frostdesk"]
    assert (handed["outcome"], CARD in handed["escalation"]["summary"]) == ("escalated", True)
    assert post(visitor, "hello?") == {}  # an empty `output` would be shown as the JSON around it
    begin, item, end = lines(visitor, "hello?")
    assert (begin["type"], item["content"], end["metadata"]["frostdesk"]["outcome"]) == ("begin", "", "silent")
    assert post(visitor, CARD, "s2")["frostdesk"]["outcome"] == "answered"
    assert post(stranger, CARD)["frostdesk"]["outcome"] == "answered"  # the same session id, another visitor


def test_a_stream_adds_up_to_the_reply(visitor: httpx.Client) -> None:
    whole = post(visitor, NEARLY, "whole")["output"]
    told = lines(visitor, NEARLY)
    assert [told[0]["type"], told[-1]["type"]] == ["begin", "end"]
    assert "".join(line["content"] for line in told if line["type"] == "item") == whole
    assert {line["metadata"]["nodeId"] for line in told} == {"frostdesk"}


def test_what_was_said_is_loaded_for_its_visitor_only(visitor: httpx.Client, stranger: httpx.Client) -> None:
    assert earlier(visitor) == []
    reply = post(visitor, CARD)["frostdesk"]["reply"]
    assert earlier(visitor) == [("HumanMessage", CARD), ("AIMessage", reply)]
    assert earlier(visitor, "s2") == earlier(stranger) == []


@pytest.mark.parametrize("name", ["m1", 17])
def test_a_message_that_metadata_names_counts_once(visitor: httpx.Client, name: str | int) -> None:
    named = body(CARD) | {"metadata": {"message_id": name, "page": ["the page's own"]}}
    first, again = (visitor.post(PATH, json=named).json() for _ in range(2))
    assert (again, len(earlier(visitor))) == (first, 2)
    other = named | {"metadata": {"message_id": f"{name}-2"}}
    assert visitor.post(PATH, json=other).json()["frostdesk"]["turn_id"] != first["frostdesk"]["turn_id"]


@pytest.mark.parametrize("metadata", [None, {}, {"message_id": None}])
def test_messages_without_a_name_count_each(visitor: httpx.Client, metadata: dict[str, Any] | None) -> None:
    for _ in range(2):
        assert visitor.post(PATH, json=body("hello") | {"metadata": metadata}).status_code == 200
    assert len(earlier(visitor)) == 4


def test_two_keys_of_a_desk_share_no_session(desks: TwoDesks) -> None:
    with desk_client(desks.running, desks.whole, "pennywhistle") as another:
        first, second, third = (post(client, CARD)["frostdesk"] for client in (desks.demo, desks.demo, another))
        assert first["conversation_id"] == second["conversation_id"] != third["conversation_id"]
        assert (len(earlier(desks.demo)), len(earlier(another))) == (4, 2)


@pytest.mark.parametrize("accept", ["*/*", "text/plain"])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"action": "dance", "sessionId": "s"}', 422),
        (b'{"action": "sendMessage", "sessionId": "s"}', 422),
        (b'{"action": "sendMessage", "sessionId": "s", "chatInput": 1}', 422),
        (b'{"action": "sendMessage", "sessionId": "s", "chatInput": " "}', 422),
        (b'{"action": "sendMessage", "chatInput": "x"}', 422),
        (b'{"action": "sendMessage", "sessionId": "s", "chatInput": "x", "metadata": {"message_id": ""}}', 422),
        (b'{"action": "loadPreviousSession", "sessionId": ""}', 422),
        (b" " * 10_000_000, 413),
    ],
)
def test_what_cannot_be_read_gets_one_error(visitor: httpx.Client, accept: str, sent: bytes, status: int) -> None:
    answer = visitor.post(PATH, content=sent, headers={"content-type": "application/json", "accept": accept})
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["output"]
    assert answer.json()["output"].strip()


def test_files_are_refused(visitor: httpx.Client) -> None:
    answer = visitor.post(PATH, data=body("look", "s1") | {"metadata": "{}"}, files={"files": ("a.txt", b"x")})
    assert (answer.status_code, list(answer.json())) == (422, ["output"])


def test_a_wrong_token_a_foreign_page_and_a_wrong_desk_are_refused(visitor: httpx.Client, admin: httpx.Client) -> None:
    refused = (
        visitor.post(PATH, json=body(CARD), headers={"authorization": "Bearer nonsense"}),
        visitor.post(PATH, json=body(CARD), headers={"origin": "https://elsewhere.example"}),
        admin.post(f"{PATH}?desk=none", json=body(CARD)),
    )
    assert [answer.status_code for answer in refused] == [401, 403, 404]
    assert all(set(answer.json()) == {"output"} for answer in refused)
