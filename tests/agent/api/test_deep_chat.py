"""What deep-chat posts, and what it can show of the answer."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import CARD, HUMAN, NEARLY

PATH = "/v1/deep-chat"


def post(client: httpx.Client, text: str, path: str = PATH, **more: Any) -> httpx.Response:
    return client.post(path, json={"messages": [{"role": "user", "text": text}], **more})


def test_a_message_gets_a_text(visitor: httpx.Client) -> None:
    reply = post(visitor, CARD).json()
    assert re.sub(r"<(https://[^>]+)>", r"\1", reply["text"]) == reply["custom"]["reply"] != reply["text"]
    assert reply["custom"]["article"]["slug"] == "card-not-arrived"


def test_a_visitor_has_one_conversation_until_a_human_has_it(visitor: httpx.Client, stranger: httpx.Client) -> None:
    first, second, third = (post(visitor, text).json() for text in (CARD, HUMAN, "hello?"))
    assert first["custom"]["conversation_id"] == second["custom"]["conversation_id"]
    assert CARD in second["custom"]["escalation"]["summary"]
    assert (second["custom"]["outcome"], bool(second["text"])) == ("escalated", True)
    assert (third["custom"]["outcome"], third["text"]) == ("silent", "")
    assert post(visitor, CARD, conversation="other").json()["custom"]["outcome"] == "answered"
    assert post(stranger, CARD).json()["custom"]["outcome"] == "answered"


def test_a_stream_adds_up_to_the_same(visitor: httpx.Client) -> None:
    whole = post(visitor, NEARLY, client_message_id="m1").json()
    answer = post(visitor, NEARLY, f"{PATH}/stream", client_message_id="m1")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]
    assert "".join(event["text"] for event in events) == whole["text"]
    assert events[-1]["custom"] == whole["custom"]  # the same turn: a repetition counts once


def test_an_admin_key_starts_a_conversation_for_every_message(admin: httpx.Client) -> None:
    turns = [post(admin, CARD, f"{PATH}?desk=pennywhistle").json()["custom"] for _ in range(2)]
    assert turns[0]["conversation_id"] != turns[1]["conversation_id"]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/stream"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"messages": 1}', 422),
        (b'{"messages": []}', 422),
        (b'{"messages": [{"role": "ai", "text": "x"}]}', 422),
        (b'{"messages": [{"role": "user", "text": " "}]}', 422),
        (b'{"messages": [{"role": "user", "files": [{"src": "data:,"}]}]}', 422),
        (b" " * 10_000_000, 413),
    ],
)
def test_what_cannot_be_read_gets_one_error(visitor: httpx.Client, path: str, body: bytes, status: int) -> None:
    answer = visitor.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize("path", [PATH, f"{PATH}/stream"])
def test_a_wrong_token_a_foreign_page_and_a_wrong_desk_are_refused(
    visitor: httpx.Client, admin: httpx.Client, path: str
) -> None:
    refused = (
        visitor.post(path, json={"messages": [{"text": CARD}]}, headers={"authorization": "Bearer nonsense"}),
        visitor.post(path, json={"messages": [{"text": CARD}]}, headers={"origin": "https://elsewhere.example"}),
        post(admin, CARD, f"{path}?desk=none"),
    )
    assert [answer.status_code for answer in refused] == [401, 403, 404]
    assert all(set(answer.json()) == {"error"} for answer in refused)
