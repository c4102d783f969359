"""Answers and news as server-sent events."""

import json
from collections.abc import Iterator
from typing import Any

import httpx

from tests.agent.api.conftest import CARD, HUMAN, ask, error

Event = tuple[str, dict[str, Any]]


def events(answer: httpx.Response) -> Iterator[Event]:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            yield name, json.loads(line.removeprefix("data:"))


def stream(client: httpx.Client, message: str, conversation: str | None = None, **more: Any) -> list[Event]:
    body = {"message": message, "conversation_id": conversation, **more}
    with client.stream("POST", "/v1/chat/stream", json=body) as answer:
        return list(events(answer))


def follow(client: httpx.Client, conversation: str, after: int = 0) -> Any:
    return client.stream("GET", f"/v1/conversations/{conversation}/events", params={"after": after})


def test_an_answer_comes_as_typing_then_pieces_then_the_turn(visitor: httpx.Client) -> None:
    said = stream(visitor, CARD)
    assert said[0] == ("typing", {})
    name, turn = said[-1]
    assert name == "turn"
    pieces = said[1:-1]
    assert len(pieces) > 1
    assert {name for name, _ in pieces} == {"delta"}
    assert "".join(piece["text"] for _, piece in pieces) == turn["reply"]
    assert turn["article"]["slug"] == "card-not-arrived"
    again = ask(visitor, "and how do I change my PIN?", turn["conversation_id"])
    assert set(again) == set(turn)


def test_the_button_that_asks_for_a_human_streams_too(visitor: httpx.Client) -> None:
    name, turn = stream(visitor, CARD, wants_human=True)[-1]
    assert (name, turn["outcome"], turn["escalation"]["reason"]) == ("turn", "escalated", "asked_for_human")


def test_silence_has_no_pieces(visitor: httpx.Client) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    said = stream(visitor, "are you there?", conversation)
    assert [name for name, _ in said] == ["typing", "turn"]
    assert (said[-1][1]["outcome"], said[-1][1]["reply"]) == ("silent", None)


def test_an_error_is_an_event_once_the_stream_has_begun(visitor: httpx.Client) -> None:
    said = stream(visitor, CARD, "conv_of_nobody")
    assert [name for name, _ in said] == ["typing", "error"]
    assert said[-1][1]["code"] == "not_found"
    assert said[-1][1]["message"]


def test_a_bad_message_is_an_error_before_the_stream_begins(visitor: httpx.Client) -> None:
    error(visitor.post("/v1/chat/stream", json={"message": ""}), 422, "bad_input")


def test_a_follower_sees_a_humans_reply_and_the_giving_back(visitor: httpx.Client, admin: httpx.Client) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    path = f"/v1/admin/conversations/{conversation}"
    with follow(visitor, conversation) as answer:
        news = events(answer)
        name, first = next(news)
        assert (name, first["owner"], len(first["messages"])) == ("messages", "human", 2)
        admin.post(f"{path}/reply", json={"text": "Ana here: your card is on its way."})
        _, second = next(news)
        assert [(m["author"], m["text"]) for m in second["messages"]] == [
            ("human", "Ana here: your card is on its way.")
        ]
        admin.post(f"{path}/give-back")
        _, third = next(news)
        assert (third["owner"], third["messages"]) == ("bot", [])


def test_a_follower_who_comes_back_gets_only_what_was_missed(visitor: httpx.Client, admin: httpx.Client) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    path = f"/v1/admin/conversations/{conversation}"
    admin.post(f"{path}/reply", json={"text": "first"})
    admin.post(f"{path}/reply", json={"text": "second"})
    with follow(visitor, conversation, after=3) as answer:
        _, missed = next(events(answer))
    assert [m["text"] for m in missed["messages"]] == ["second"]


def test_followers_see_each_others_conversations_not_at_all(visitor: httpx.Client, stranger: httpx.Client) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    with follow(stranger, conversation) as answer:
        answer.read()
        error(answer, 403, "not_allowed")


def test_waiting_streams_keep_nobody_else_waiting(visitor: httpx.Client, admin: httpx.Client) -> None:
    """200 streams: many more than the server has threads and sessions (16); each of them still gets the news."""
    conversation = ask(visitor, HUMAN)["conversation_id"]
    limits = httpx.Limits(max_connections=250)
    headers, url = visitor.headers, visitor.base_url
    with httpx.Client(base_url=url, headers=headers, limits=limits, timeout=60, trust_env=False) as many:
        request = many.build_request("GET", f"/v1/conversations/{conversation}/events")
        opened = [many.send(request, stream=True) for _ in range(200)]
        news = [events(answer) for answer in opened]
        assert all(len(next(each)[1]["messages"]) == 2 for each in news)
        assert ask(visitor, CARD)["outcome"] == "answered"
        admin.post(f"/v1/admin/conversations/{conversation}/reply", json={"text": "to all of you"})
        assert all(next(each)[1]["messages"][0]["text"] == "to all of you" for each in news)
        for answer in opened:
            answer.close()
