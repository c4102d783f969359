"""What the AI SDK's `useChat` posts, and the stream it reads."""

import json
from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import CARD, HUMAN, NEARLY

PATH = "/v1/ai-sdk"


def body(text: str, message: str = "m1", chat: str = "c1") -> dict[str, Any]:
    return {"id": chat, "messages": [{"id": message, "role": "user", "parts": [{"type": "text", "text": text}]}]}


def parts(client: httpx.Client, text: str, message: str = "m1", chat: str = "c1") -> list[dict[str, Any]]:
    answer = client.post(PATH, json={**body(text, message, chat), "trigger": "submit-message", "messageId": None})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-vercel-ai-ui-message-stream"] == "v1"
    *events, done = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    assert done == "[DONE]"
    return [json.loads(event) for event in events]


def turn(told: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = next(part["data"] for part in told if part["type"] == "data-frostdesk")
    return found


def test_an_answer_has_its_text_and_its_source(visitor: httpx.Client) -> None:
    told = parts(visitor, CARD)
    kinds = list(dict.fromkeys(part["type"] for part in told))
    assert kinds == ["start", "text-start", "text-delta", "text-end", "source-url", "data-frostdesk", "finish"]
    assert "".join(part.get("delta", "") for part in told).startswith(turn(told)["reply"])
    assert next(part["url"] for part in told if part["type"] == "source-url") == turn(told)["article"]["link"]


def test_what_is_not_known_is_said_without_a_source(visitor: httpx.Client) -> None:
    told = parts(visitor, NEARLY)
    assert turn(told)["outcome"] == "out_of_scope"
    assert turn(told)["reply"] in "".join(part.get("delta", "") for part in told)
    assert "source-url" not in [part["type"] for part in told]


def test_a_chat_goes_on_until_a_human_has_it(visitor: httpx.Client, stranger: httpx.Client) -> None:
    parts(visitor, CARD)
    handed = turn(parts(visitor, HUMAN, "m2"))
    assert (handed["outcome"], CARD in handed["escalation"]["summary"]) == ("escalated", True)
    silent = parts(visitor, "hello?", "m3")
    assert (turn(silent)["outcome"], [part["type"] for part in silent]) == (
        "silent",
        ["start", "data-frostdesk", "finish"],
    )
    assert turn(parts(stranger, CARD, "m4"))["outcome"] == "answered"  # the same chat id, another visitor
    assert turn(parts(visitor, CARD, "m5", "c2"))["outcome"] == "answered"


def test_a_repeated_message_counts_once_and_an_edited_one_anew(visitor: httpx.Client) -> None:
    first, again, edited = (turn(parts(visitor, text)) for text in (CARD, CARD, NEARLY))
    assert first == again
    assert (edited["conversation_id"], edited["turn_id"] != first["turn_id"]) == (first["conversation_id"], True)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"id": "c", "messages": 1}', 422),
        (b'{"id": "c", "messages": []}', 422),
        (b'{"id": "c", "messages": [{"id": "m", "role": "assistant", "parts": []}]}', 422),
        (b'{"id": "c", "messages": [{"id": "m", "role": "user", "parts": []}]}', 422),
        (b'{"id": "c", "messages": [{"id": "m", "role": "user", "parts": [{"type": "file", "url": "data:,"}]}]}', 422),
        (b" " * 10_000_000, 413),
    ],
)
def test_what_cannot_be_read_gets_one_sentence(visitor: httpx.Client, sent: bytes, status: int) -> None:
    answer = visitor.post(PATH, content=sent, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert answer.text
    assert answer.text[0] not in "{["


def test_a_wrong_token_a_foreign_page_and_a_wrong_desk_are_refused(visitor: httpx.Client, admin: httpx.Client) -> None:
    refused = (
        visitor.post(PATH, json=body(CARD), headers={"authorization": "Bearer nonsense"}),
        visitor.post(PATH, json=body(CARD), headers={"origin": "https://elsewhere.example"}),
        admin.post(f"{PATH}?desk=none", json=body(CARD)),
    )
    assert [answer.status_code for answer in refused] == [401, 403, 404]
    assert all(answer.text.endswith(".") for answer in refused)
