"""The chat: what an answer holds, going on with a conversation, feedback."""

import threading
from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import CARD, HUMAN, NEARLY, ask, error


def read(client: httpx.Client, conversation: str, after: int = 0) -> dict[str, Any]:
    answer = client.get(f"/v1/conversations/{conversation}/messages", params={"after": after})
    assert answer.status_code == 200, answer.text
    transcript: dict[str, Any] = answer.json()
    return transcript


def test_an_answer_has_the_documented_keys(visitor: httpx.Client) -> None:
    turn = ask(visitor, CARD)
    assert set(turn) == {
        "conversation_id",
        "turn_id",
        "outcome",
        "reply",
        "suggestions",
        "article",
        "route",
        "verdicts",
        "escalation",
        "milliseconds",
    }
    assert set(turn["route"]) == {"intent", "confidence", "skill", "action"}
    assert (turn["outcome"], turn["escalation"]) == ("answered", None)
    assert (turn["route"]["intent"], turn["route"]["skill"]) == ("card_arrival", "faq")
    assert 0 < turn["route"]["confidence"] <= 1
    assert turn["article"]["slug"] == "card-not-arrived"
    assert turn["reply"].endswith(turn["article"]["link"])


def test_every_skill_says_what_it_saw_how_sure_it_is_and_in_which_version(visitor: httpx.Client) -> None:
    verdicts = ask(visitor, CARD)["verdicts"]
    assert {verdict["skill"] for verdict in verdicts} == {"router", "faq", "classification", "sentiment"}
    for verdict in verdicts:
        assert (verdict["label"] is None) != (verdict["article"] is None)
        assert (verdict["article"] is not None) == (verdict["skill"] == "faq")
        assert 0 <= verdict["confidence"] <= 1
        assert verdict["version"] == 1


def test_a_hand_over_says_why_and_sums_up(visitor: httpx.Client) -> None:
    first = ask(visitor, CARD)
    turn = ask(visitor, HUMAN, first["conversation_id"])
    assert turn["outcome"] == "escalated"
    assert set(turn["escalation"]) == {"id", "reason", "summary"}
    assert turn["escalation"]["reason"] == "asked_for_human"
    assert CARD in turn["escalation"]["summary"]
    assert "card-not-arrived" in turn["escalation"]["summary"]


def test_the_button_hands_over_whatever_the_words_say_and_counts_once(
    visitor: httpx.Client, admin: httpx.Client
) -> None:
    first = ask(visitor, CARD, client_message_id="b-1")["conversation_id"]
    turn = ask(visitor, CARD, first, client_message_id="b-2", wants_human=True)
    assert (turn["outcome"], turn["escalation"]["reason"]) == ("escalated", "asked_for_human")
    assert {verdict["version"] for verdict in turn["verdicts"]} == {1}
    assert ask(visitor, CARD, first, client_message_id="b-2", wants_human=True) == turn
    assert len(read(visitor, first)["messages"]) == 4
    waiting = admin.get("/v1/admin/escalations", params={"limit": 500}).json()
    assert [row["reason"] for row in waiting if row["conversation_id"] == first] == ["asked_for_human"]
    assert ask(visitor, CARD, first, wants_human=True)["outcome"] == "silent"  # a human has it already


def test_the_button_is_pressed_or_not(visitor: httpx.Client) -> None:
    assert ask(visitor, CARD, wants_human=False)["outcome"] == "answered"
    error(visitor.post("/v1/chat", json={"message": CARD, "wants_human": None}), 422, "bad_input")


def test_what_is_out_of_scope_is_said_to_be(visitor: httpx.Client) -> None:
    turn = ask(visitor, "who won the football last night?")
    assert (turn["outcome"], turn["article"], turn["route"]["intent"]) == ("out_of_scope", None, None)
    assert turn["reply"]


def test_what_is_nearly_in_scope_offers_the_nearest_articles(visitor: httpx.Client) -> None:
    turn = ask(visitor, NEARLY)
    assert (turn["outcome"], len(turn["suggestions"])) == ("out_of_scope", 3)
    assert turn["suggestions"][0]["slug"] == "abroad-fees"
    chosen = ask(visitor, turn["suggestions"][0]["question"], turn["conversation_id"])
    assert (chosen["article"]["slug"], chosen["suggestions"]) == ("abroad-fees", [])
    assert ask(visitor, "who won the football last night?")["suggestions"] == []


def test_a_follow_up_is_understood_with_the_message_before_it(visitor: httpx.Client) -> None:
    first = ask(visitor, "How can I send money to my aunt in Canada?")
    second = ask(visitor, "What does that cost me?", first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    assert second["article"]["slug"] == "abroad-fees"


def test_a_conversation_is_read_in_order_and_from_anywhere(visitor: httpx.Client) -> None:
    first = ask(visitor, "hello")
    ask(visitor, CARD, first["conversation_id"])
    transcript = read(visitor, first["conversation_id"])
    assert (transcript["owner"], transcript["status"]) == ("bot", "open")
    assert [(m["seq"], m["author"]) for m in transcript["messages"]] == [
        (1, "customer"),
        (2, "bot"),
        (3, "customer"),
        (4, "bot"),
    ]
    assert transcript["messages"][2]["text"] == CARD
    assert [m["seq"] for m in read(visitor, first["conversation_id"], 3)["messages"]] == [4]
    assert read(visitor, first["conversation_id"], 4)["messages"] == []


@pytest.mark.parametrize("begun", [False, True], ids=["first message", "later message"])
def test_a_message_posted_twice_counts_once(visitor: httpx.Client, begun: bool) -> None:
    conversation = ask(visitor, "hello")["conversation_id"] if begun else None
    turn = ask(visitor, CARD, conversation, client_message_id="m-1")
    again = ask(visitor, CARD, conversation, client_message_id="m-1")
    assert again == turn
    assert len(read(visitor, turn["conversation_id"])["messages"]) == (4 if begun else 2)


def test_a_first_message_posted_by_many_at_once_is_one_conversation(visitor: httpx.Client) -> None:
    turns: list[dict[str, Any]] = []

    def post() -> None:
        turns.append(ask(visitor, CARD, client_message_id="m-2"))

    threads = [threading.Thread(target=post) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(turns) == 5
    assert {turn["turn_id"] for turn in turns} == {turns[0]["turn_id"]}
    assert len(read(visitor, turns[0]["conversation_id"])["messages"]) == 2


def test_two_visitors_may_name_their_messages_alike(visitor: httpx.Client, stranger: httpx.Client) -> None:
    turns = [ask(client, CARD, client_message_id="1") for client in (visitor, stranger)]
    assert turns[0]["conversation_id"] != turns[1]["conversation_id"]


def test_feedback_is_seen_in_the_review_queue(visitor: httpx.Client, admin: httpx.Client) -> None:
    turn = ask(visitor, "how on earth would somebody on the moon change a PIN")
    path = f"/v1/turns/{turn['turn_id']}/feedback"
    for rating in ("up", "down"):
        answer = visitor.post(path, json={"rating": rating, "comment": "as I said"})
        assert (answer.status_code, answer.content) == (204, b"")
        queue = admin.get("/v1/admin/review", params={"limit": 500}).json()
        found = [item for item in queue if item["turn"]["turn_id"] == turn["turn_id"]]
        assert [item["rating"] for item in found] == [rating]


@pytest.mark.parametrize("body", [{}, {"rating": "fine"}, {"rating": "up", "comment": "x" * 1001}])
def test_feedback_is_up_or_down(visitor: httpx.Client, body: dict[str, str]) -> None:
    turn = ask(visitor, "hello")
    error(visitor.post(f"/v1/turns/{turn['turn_id']}/feedback", json=body), 422, "bad_input")


def test_an_admin_may_try_the_desk_out(admin: httpx.Client, visitor: httpx.Client) -> None:
    turn = ask(admin, CARD)
    assert turn["article"]["slug"] == "card-not-arrived"
    error(visitor.get(f"/v1/conversations/{turn['conversation_id']}/messages"), 403, "not_allowed")
