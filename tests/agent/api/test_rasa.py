"""What clients of Rasa's REST channel post, and what they read of the answer."""

import json
from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import CARD, HUMAN, TwoDesks, desk_client

WEBHOOK, PARSE = "/webhooks/rest/webhook", "/model/parse"
BOTH = "my card still hasn't come? and how do I change my PIN?"
PROBLEM = {"version", "status", "message", "reason", "details", "help", "code"}


def post(client: httpx.Client, message: str, sender: str = "ann", **query: str) -> list[dict[str, Any]]:
    answer = client.post(WEBHOOK, json={"sender": sender, "message": message, "metadata": {}}, params=query)
    assert answer.status_code == 200, answer.text
    replies: list[dict[str, Any]] = answer.json()
    return replies


def parse(client: httpx.Client, text: str) -> dict[str, Any]:
    answer = client.post(PARSE, json={"text": text})
    assert answer.status_code == 200, answer.text
    parsed: dict[str, Any] = answer.json()
    return parsed


def test_the_channel_is_there(visitor: httpx.Client) -> None:
    assert visitor.get("/webhooks/rest/").json() == {"status": "ok"}


def test_a_message_gets_a_list_of_texts(visitor: httpx.Client) -> None:
    (reply,) = post(visitor, CARD)
    assert (set(reply), reply["recipient_id"]) == ({"recipient_id", "text"}, "ann")
    assert "card-not-arrived" in reply["text"]


def test_the_questions_offered_are_buttons_that_get_their_answer(visitor: httpx.Client) -> None:
    (reply,) = post(visitor, BOTH)
    (button,) = reply["buttons"]
    assert button["title"] == button["payload"]
    assert button["title"] not in reply["text"]
    (answer,) = post(visitor, button["payload"])
    assert "change-pin" in answer["text"]


def test_a_sender_goes_on_until_a_human_has_them(desks: TwoDesks) -> None:
    with desk_client(desks.running, desks.whole, "pennywhistle") as server:
        assert len(post(server, HUMAN)) == 1
        assert post(server, "hello?") == []
        assert len(post(server, CARD, "bob")) == 1
    with desk_client(desks.running, desks.whole, "pennywhistle") as another:
        assert len(post(another, CARD)) == 1  # the same sender of another server


def test_a_message_that_metadata_names_counts_once(visitor: httpx.Client, admin: httpx.Client) -> None:
    body = {"sender": "named", "message": HUMAN, "metadata": {"message_id": "m1", "channel": "the client's own"}}
    first, again = (visitor.post(WEBHOOK, json=body).json() for _ in range(2))
    assert (len(first), again) == (1, first)
    assert visitor.post(WEBHOOK, json=body | {"metadata": None}).json() == []  # another message: a human has it
    newest = admin.get("/v1/admin/conversations", params={"limit": 1}).json()[0]["id"]
    messages = admin.get(f"/v1/admin/conversations/{newest}").json()["messages"]
    assert [message["author"] for message in messages] == ["customer", "bot", "customer"]


def test_a_stream_has_a_line_for_each_message(visitor: httpx.Client) -> None:
    answer = visitor.post(f"{WEBHOOK}?stream=true", json={"sender": "streaming", "message": BOTH})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [json.loads(line) | {"recipient_id": "ann"} for line in answer.text.splitlines()] == post(visitor, BOTH)


def test_a_text_is_parsed_into_the_routers_intents(desks: TwoDesks) -> None:
    before = desks.demo.get("/v1/admin/conversations").json()
    parsed = parse(desks.demo, CARD)
    assert (parsed["text"], parsed["entities"]) == (CARD, [])
    assert parsed["intent"] == parsed["intent_ranking"][0]
    assert len(parsed["intent_ranking"]) == 4
    assert parse(desks.demo, "what is the capital of Peru?")["intent"]["name"] is None
    assert desks.demo.get("/v1/admin/conversations").json() == before


def test_a_desk_without_a_router_knows_no_intent(desks: TwoDesks) -> None:
    parsed = parse(desks.other, CARD)
    assert (parsed["intent"], parsed["intent_ranking"]) == ({"name": None, "confidence": 0.0}, [])


@pytest.mark.parametrize("path", [WEBHOOK, f"{WEBHOOK}?stream=true", PARSE])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b"{}", 422),
        (b'{"sender": "a", "message": 1, "text": 1}', 422),
        (b'{"sender": "a", "message": " ", "text": " "}', 422),
        (b'{"sender": 1, "message": "x", "text": null}', 422),
        (b'{"sender": "a", "message": "x", "text": "", "metadata": {"message_id": ""}}', 422),
        (b" " * 10_000_000, 413),
    ],
)
def test_what_cannot_be_read_gets_one_error(admin: httpx.Client, path: str, sent: bytes, status: int) -> None:
    answer = admin.post(path, content=sent, headers={"content-type": "application/json"})
    said = answer.json()
    assert (answer.status_code, set(said), said["status"], said["code"]) == (status, PROBLEM, "failure", status)
    assert said["message"]


@pytest.mark.parametrize("path", [WEBHOOK, PARSE])
def test_a_wrong_key_a_foreign_page_and_a_wrong_desk_are_refused(
    visitor: httpx.Client, admin: httpx.Client, path: str
) -> None:
    body = {"sender": "ann", "message": CARD, "text": CARD}
    refused = (
        visitor.post(path, json=body, headers={"authorization": "Bearer fd_nonsense"}),
        visitor.post(path, json=body, headers={"origin": "https://elsewhere.example"}),
        admin.post(f"{path}?desk=none", json=body),
    )
    assert [answer.status_code for answer in refused] == [401, 403, 404]
    assert all(set(answer.json()) == PROBLEM for answer in refused)


def test_a_visitor_does_not_parse(visitor: httpx.Client) -> None:
    answer = visitor.post(PARSE, json={"text": CARD})
    assert (answer.status_code, answer.json()["reason"]) == (403, "not_allowed")
