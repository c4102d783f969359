"""An address that a customer leaves behind who does not wait for a human."""

from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import CARD, HUMAN, ask, error
from tests.agent.api.test_streams import events, follow

ANN = "ann@shop.example"


def leave(client: httpx.Client, conversation: str, email: Any = ANN) -> httpx.Response:
    return client.post(f"/v1/conversations/{conversation}/contact", json={"email": email})


def seen(admin: httpx.Client, conversation: str) -> set[str | None]:
    """What those see who answer: in the lists, the conversation and the escalation."""
    listed = admin.get("/v1/admin/conversations", params={"limit": 500}).json()
    waiting = admin.get("/v1/admin/escalations", params={"limit": 500}).json()
    rows = [row for row in listed if row["id"] == conversation]
    rows += [row for row in waiting if row["conversation_id"] == conversation]
    assert len(rows) == 2
    return {row["email"] for row in [*rows, admin.get(f"/v1/admin/conversations/{conversation}").json()]}


def test_who_answers_sees_the_address_and_the_visitor_that_there_is_one(
    visitor: httpx.Client, admin: httpx.Client
) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    path = f"/v1/conversations/{conversation}/messages"
    assert (visitor.get(path).json()["contact"], seen(admin, conversation)) == (False, {None})
    answer = leave(visitor, conversation, f" {ANN} ")
    assert (answer.status_code, answer.content) == (204, b"")
    assert seen(admin, conversation) == {ANN}
    transcript = visitor.get(path)
    assert (transcript.json()["contact"], ANN in transcript.text) == (True, False)
    assert leave(visitor, conversation, "bob@shop.example").status_code == 204
    assert seen(admin, conversation) == {"bob@shop.example"}


def test_the_address_outlasts_the_humans_turn(visitor: httpx.Client, admin: httpx.Client) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    leave(visitor, conversation).raise_for_status()
    closed = admin.post(f"/v1/admin/conversations/{conversation}/close").json()
    assert (closed["owner"], closed["email"]) == ("bot", ANN)
    ask(visitor, CARD, conversation)
    assert visitor.get(f"/v1/conversations/{conversation}/messages").json()["contact"] is True


def test_a_follower_hears_of_the_address(visitor: httpx.Client) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    with follow(visitor, conversation) as answer:
        news = events(answer)
        assert next(news)[1]["contact"] is False
        leave(visitor, conversation).raise_for_status()
        _, second = next(news)
    assert (second["contact"], second["messages"]) == (True, [])


def test_only_its_own_visitor_leaves_one_and_only_with_a_human(
    visitor: httpx.Client, stranger: httpx.Client, admin: httpx.Client
) -> None:
    answered = ask(visitor, CARD)["conversation_id"]
    error(leave(visitor, answered), 409, "conflict")
    handed = ask(visitor, HUMAN)["conversation_id"]
    error(leave(stranger, handed), 403, "not_allowed")
    error(leave(visitor, "conv_of_nobody"), 404, "not_found")
    assert seen(admin, handed) == {None}


@pytest.mark.parametrize(
    "email",
    [
        "",
        None,
        "ann",
        "ann@shop",
        "@shop.example",
        "ann@@shop.example",
        "ann b@shop.example",
        "Ann <ann@shop.example>",
        "ann@shop.example, bob@shop.example",
        "ann@shop.example\nbcc: bob@shop.example",
        "ann\0@shop.example",
        "ann@shop.example.",
        f"{'a' * 65}@shop.example",
        f"ann@{'shop.' * 50}example",
    ],
)
def test_what_is_no_address_is_refused(visitor: httpx.Client, admin: httpx.Client, email: str | None) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    assert error(leave(visitor, conversation, email), 422, "bad_input").startswith("email: ")
    assert seen(admin, conversation) == {None}


@pytest.mark.parametrize("email", ["a.b+c@mail.shop.example", "jörg@bücher.example", f"ann@{'shop.' * 48}example"])
def test_unusual_addresses_are_kept_as_they_are(visitor: httpx.Client, admin: httpx.Client, email: str) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    assert leave(visitor, conversation, email).status_code == 204
    assert seen(admin, conversation) == {email}
