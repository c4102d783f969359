"""The same thing sent fifty times at once happens once, at every call that lets its sender name it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import TwoDesks, ask

REPEATS, AT_ONCE = 50, 8
"""The server has 16 places, and a stream keeps its own a moment longer than its reader."""
WORDS = "how do I change my PIN?"
COMPLETION = {"model": "frostdesk/pennywhistle", "user": "fifty", "messages": [{"role": "user", "content": WORDS}]}
DEEP_CHAT = {"messages": [{"role": "user", "text": WORDS}], "conversation": "fifty", "client_message_id": "m1"}
AI_SDK = {"id": "fifty", "messages": [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": WORDS}]}]}


def repeated(post: Callable[[], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: post(), range(REPEATS)))


def written(client: httpx.Client) -> int:
    """Count how often the desk's customers have written the words."""
    listed = client.get("/v1/admin/conversations", params={"limit": 500}).json()
    read = [client.get(f"/v1/admin/conversations/{row['id']}").json() for row in listed]
    return sum(said["author"] == "customer" and said["text"] == WORDS for each in read for said in each["messages"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat", {"message": WORDS, "client_message_id": "m1"}),
        ("/v1/chat/completions", COMPLETION),
        ("/v1/deep-chat", DEEP_CHAT),
        ("/v1/deep-chat/stream", {**DEEP_CHAT, "conversation": "streamed"}),
        ("/v1/ai-sdk", AI_SDK),
    ],
)
def test_a_message_sent_by_many_at_once_is_one_turn(desks: TwoDesks, path: str, body: dict[str, Any]) -> None:
    before = written(desks.demo)
    begun = {"conversation_id": ask(desks.demo, "hello")["conversation_id"]} if path == "/v1/chat" else {}
    answers = repeated(lambda: desks.demo.post(path, json={**body, **begun}))
    assert {answer.status_code for answer in answers} == {200}
    assert written(desks.demo) == before + 1


def test_a_retraining_asked_for_by_many_at_once_is_opened_once(desks: TwoDesks) -> None:
    before = len(desks.other.get("/v1/admin/retrainings").json())
    key = {"idempotency-key": "fifty"}
    answers = repeated(lambda: desks.other.post("/v1/admin/skills/sentiment/retrain", headers=key))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(desks.other.get("/v1/admin/retrainings").json()) == before + 1
