"""Conversations in human hands, and given back."""

from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import CARD, HUMAN, ask, error


@pytest.fixture
def handed(visitor: httpx.Client) -> dict[str, Any]:
    """A turn that handed its conversation over."""
    first = ask(visitor, CARD)
    return ask(visitor, HUMAN, first["conversation_id"])


def path(turn: dict[str, Any], action: str = "") -> str:
    return f"/v1/admin/conversations/{turn['conversation_id']}{action}"


def escalation(admin: httpx.Client, turn: dict[str, Any], status: str) -> dict[str, Any] | None:
    rows = admin.get("/v1/admin/escalations", params={"status": status, "limit": 500}).json()
    return next((row for row in rows if row["id"] == turn["escalation"]["id"]), None)


def test_an_escalation_tells_a_human_all_they_need(admin: httpx.Client, handed: dict[str, Any]) -> None:
    row = escalation(admin, handed, "open")
    assert row is not None
    assert (row["reason"], row["status"], row["ended_at"]) == ("asked_for_human", "open", None)
    assert (row["first_request"], row["last_request"]) == (CARD, HUMAN)
    assert row["articles_tried"] == ["card-not-arrived"]
    assert row["mood"]["asks_for_human"] is True
    assert row["verdict"]["label"] == "asks_for_human"
    assert (row["turn_id"], row["summary"]) == (handed["turn_id"], handed["escalation"]["summary"])


def test_a_human_reads_replies_and_gives_back(
    admin: httpx.Client, visitor: httpx.Client, handed: dict[str, Any]
) -> None:
    assert admin.get(path(handed)).json()["owner"] == "human"
    made = admin.post(path(handed, "/reply"), json={"text": "Ana here."})
    assert made.status_code == 201
    assert (made.json()["author"], made.json()["seq"]) == ("human", 5)
    assert ask(visitor, "thank you, Ana", handed["conversation_id"])["outcome"] == "silent"
    assert [m["author"] for m in admin.get(path(handed)).json()["messages"]] == [
        "customer",
        "bot",
        "customer",
        "bot",
        "human",
        "customer",
    ]
    given = admin.post(path(handed, "/give-back")).json()
    assert (given["owner"], given["status"]) == ("bot", "open")
    assert escalation(admin, handed, "open") is None
    ended = escalation(admin, handed, "given_back")
    assert ended is not None
    assert ended["ended_at"]
    assert ask(visitor, "how do I change my PIN", handed["conversation_id"])["outcome"] == "answered"


def test_giving_back_what_the_bot_has_is_a_conflict(
    admin: httpx.Client, visitor: httpx.Client, handed: dict[str, Any]
) -> None:
    admin.post(path(handed, "/give-back"))
    error(admin.post(path(handed, "/give-back")), 409, "conflict")
    error(admin.post(path(ask(visitor, "hello"), "/give-back")), 409, "conflict")


def test_a_closed_conversation_takes_no_reply_until_the_customer_writes(
    admin: httpx.Client, visitor: httpx.Client, handed: dict[str, Any]
) -> None:
    closed = admin.post(path(handed, "/close")).json()
    assert (closed["owner"], closed["status"]) == ("bot", "closed")
    assert escalation(admin, handed, "closed") is not None
    error(admin.post(path(handed, "/reply"), json={"text": "too late"}), 409, "conflict")
    assert ask(visitor, "one more thing: how do I change my PIN", handed["conversation_id"])["outcome"] == "answered"
    assert admin.get(path(handed)).json()["status"] == "open"
    assert admin.post(path(handed, "/reply"), json={"text": "in time"}).status_code == 201


def test_a_human_may_step_in_unasked(admin: httpx.Client, visitor: httpx.Client) -> None:
    turn = ask(visitor, "hello")
    assert admin.post(path(turn, "/reply"), json={"text": "May I help?"}).status_code == 201
    assert ask(visitor, CARD, turn["conversation_id"])["outcome"] == "silent"
    assert admin.post(path(turn, "/give-back")).json()["owner"] == "bot"


def test_conversations_are_listed_by_who_has_them(
    admin: httpx.Client, visitor: httpx.Client, handed: dict[str, Any]
) -> None:
    own = ask(visitor, "hello")["conversation_id"]
    for owner, there, elsewhere in (
        ("human", handed["conversation_id"], own),
        ("bot", own, handed["conversation_id"]),
    ):
        rows = admin.get("/v1/admin/conversations", params={"owner": owner, "limit": 500}).json()
        ids = [row["id"] for row in rows]
        assert there in ids
        assert elsewhere not in ids
        assert {row["owner"] for row in rows} == {owner}
    [newest] = admin.get("/v1/admin/conversations", params={"limit": 1}).json()
    assert newest["id"] == own


def test_what_there_is_none_of_is_not_found(admin: httpx.Client) -> None:
    nobody = {"conversation_id": "conv_of_nobody"}
    error(admin.get(path(nobody)), 404, "not_found")
    error(admin.post(path(nobody, "/reply"), json={"text": "hello"}), 404, "not_found")
    for action in ("/give-back", "/close"):
        error(admin.post(path(nobody, action)), 404, "not_found")


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "  "}, {"text": "x" * 10_001}, {"text": 5}])
def test_a_human_says_something_too(admin: httpx.Client, handed: dict[str, Any], body: dict[str, Any]) -> None:
    error(admin.post(path(handed, "/reply"), json=body), 422, "bad_input")
    assert len(admin.get(path(handed)).json()["messages"]) == 4


def test_lists_are_asked_for_sensibly(admin: httpx.Client) -> None:
    for query in ({"status": "lost"}, {"limit": 0}, {"limit": 501}, {"limit": "all"}):
        error(admin.get("/v1/admin/escalations", params=query), 422, "bad_input")
    error(admin.get("/v1/admin/conversations", params={"owner": "cat"}), 422, "bad_input")


def test_a_conversation_is_rated_by_its_own_customer_when_it_is_closed(
    visitor: httpx.Client, stranger: httpx.Client, admin: httpx.Client
) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    path, body = f"/v1/conversations/{conversation}/rating", {"rating": "amazing", "remark": "quick"}
    error(visitor.post(path, json=body), 409, "conflict")
    admin.post(f"/v1/admin/conversations/{conversation}/close").raise_for_status()
    error(stranger.post(path, json=body), 403, "not_allowed")
    error(visitor.post(path, json={"rating": "splendid"}), 422, "bad_input")
    assert visitor.post(path, json=body).status_code == 204
    listed = {row["id"]: row for row in admin.get("/v1/admin/conversations").json()}
    assert (listed[conversation]["rating"], listed[conversation]["remark"]) == ("amazing", "quick")
    assert visitor.get(f"/v1/conversations/{conversation}/messages").json()["rating"] == "amazing"
