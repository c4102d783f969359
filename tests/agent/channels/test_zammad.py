"""Zammad's webhooks: which articles are read, what names them, and what its API is sent."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.channels import zammad
from agent.channels.channel import Heard, TakenOver
from agent.errors import BadInput
from agent.tables import Connection, Delivery
from tests.vendor import FOLDER, bytes_of, hub_signed
from tests.zammad import ACCESS, article

NOW = datetime.now(UTC)
URL = "https://zammad.example"
SECRET = "signature-token"
TURN = {"reply": "In five days.", "suggestions": [], "escalation": None}


def test_a_body_is_named_by_its_article_and_not_by_the_unsigned_header() -> None:
    body = bytes_of(article(104, "hi"))
    for delivery in ("one", "two"):
        headers = {**hub_signed(body, SECRET), "x-zammad-delivery": delivery}
        assert zammad.verify(body, headers, [SECRET], NOW) == "article:104"
    body = bytes_of({"ticket": {"id": 81}, "article": {}})
    assert zammad.verify(body, hub_signed(body, SECRET), [SECRET], NOW).startswith("body:")


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with real payloads is not there")
def test_a_real_payload() -> None:
    body = (FOLDER / "zammad_ticket_article_default.json").read_bytes()
    assert zammad.parse(body) == Heard("81", "Webhook-Test\n\nThis is a simple Webhook Test.", assignee="5")


class TestParse:
    """Only a customer's public words are answered."""

    def test_a_customers_article_is_heard_as_plain_text_the_first_with_its_subject(self) -> None:
        body = bytes_of(article(1, "<div>my card\0 is&nbsp;lost</div>"))
        assert zammad.parse(body) == Heard("81", "my card is lost")
        assert zammad.ticket_of(body) == "81"
        assert zammad.parse(bytes_of(article(1, "lost", article_count=1))) == Heard("81", "Card\n\nlost")
        plain = article(1, "is 1 <b> 2?\0", content_type="text/plain")
        assert zammad.parse(bytes_of(plain)) == Heard("81", "is 1 <b> 2?")

    def test_the_owner_is_told_and_nobody_is_nobody(self) -> None:
        assert zammad.parse(bytes_of(article(1, "hi", owner_id=7))) == Heard("81", "hi", assignee="7")
        assert zammad.parse(bytes_of(article(1, "hi", owner_id=1))) == Heard("81", "hi")

    def test_an_agents_public_article_means_that_they_have_it(self) -> None:
        assert zammad.parse(bytes_of(article(1, "on it", "Agent", 7))) == TakenOver("81", "7")

    @pytest.mark.parametrize(
        "body",
        [
            bytes_of(article(1, "a note", "Agent", 7, internal=True)),
            bytes_of(article(1, "a note", internal=True)),
            bytes_of(article(1, "received", "System")),
            bytes_of(article(1, None)),
            bytes_of(article(1, "<p> </p>")),
            bytes_of({**article(1, "hi"), "article": {}}),
            bytes_of({**article(1, "hi"), "article": None}),
            b"no json",
            b"[]",
            b"{}",
            b"[" * 100_000,
        ],
    )
    def test_everything_else_is_left_alone(self, body: bytes) -> None:
        assert zammad.parse(body) is None

    @pytest.mark.parametrize(
        "body",
        [
            {**article(1, "secret words"), "ticket": {"id": "81/../9"}},
            {**article(1, "secret words"), "ticket": None},
            {**article(1, "secret words"), "article": "secret words"},
            article(1, "secret words", sender=["secret words"]),  # type: ignore[arg-type]
            article(1, "secret words", internal="secret words"),
        ],
    )
    def test_another_shape_is_refused_without_repeating_it(self, body: dict[str, Any]) -> None:
        with pytest.raises(BadInput) as refused:
            zammad.parse(bytes_of(body))
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_a_secret_a_token_and_a_user() -> None:
    assert zammad.check_credentials({**ACCESS, "user_id": 900}, URL) == ACCESS
    for given, url in (
        (ACCESS, None),
        ({}, URL),
        ({**ACCESS, "user_id": "me"}, URL),
        ({**ACCESS, "group_id": "../5"}, URL),
        ({**ACCESS, "token": "access-token\n"}, URL),
    ):
        with pytest.raises(BadInput) as refused:
            zammad.check_credentials(given, url)
        assert "access-token" not in refused.value.sentence
    with pytest.raises(BadInput, match="signature token"):
        zammad.secrets_for(None)


@pytest.mark.parametrize(
    ("mode", "actions"),
    [
        ("answer", ["label", "label", "reply"]),
        ("draft", ["label", "label", "note"]),
        ("label", ["label", "label"]),
        ("watch", []),
    ],
)
def test_every_label_is_a_tag_of_its_own(mode: Any, actions: list[str]) -> None:
    planned = zammad.plan(mode, "81", TURN, {"topic": "cards", "tone": "calm"})
    assert [step.action for step in planned] == actions
    tags = [step.payload["labels"] for step in planned if step.action == "label"]
    assert tags == ([{"topic": "cards"}, {"tone": "calm"}] if actions else [])


TEXT = {"ticket_id": 9, "type": "note", "content_type": "text/html"}
TAG = {"labels": {"topic": "cards"}}


@pytest.mark.parametrize(
    ("action", "payload", "method", "path", "body"),
    [
        (
            "reply",
            {"text": "a < b\nc"},
            "POST",
            "ticket_articles",
            {**TEXT, "internal": False, "body": "a &lt; b<br>c"},
        ),
        ("note", {"text": "Grüße"}, "POST", "ticket_articles", {**TEXT, "internal": True, "body": "Grüße"}),
        ("label", TAG, "POST", "tags/add", {"item": "topic_cards", "object": "Ticket", "o_id": 9}),
        ("hand_off", {}, "PUT", "tickets/9", {"owner_id": 1, "state": "open", "group_id": 3}),
    ],
)
def test_a_delivery_is_an_article_a_tag_or_a_change(
    action: str, payload: dict[str, Any], method: str, path: str, body: dict[str, Any]
) -> None:
    connection = Connection(url=f"{URL}/", credentials=ACCESS)
    call = zammad.call(connection, Delivery(action=action, payload={"ticket_id": "9", **payload}), NOW)
    assert (call.method, call.url) == (method, f"{URL}/api/v1/{path}")
    assert call.headers["authorization"] == "Token token=access-token"
    assert json.loads(call.body) == body


def test_without_a_group_a_ticket_stays_in_its_own() -> None:
    connection = Connection(url=URL, credentials={**ACCESS, "group_id": None})
    call = zammad.call(connection, Delivery(action="hand_off", payload={"ticket_id": "9"}), NOW)
    assert json.loads(call.body) == {"owner_id": 1, "state": "open"}


def test_a_sample_is_what_zammad_would_send() -> None:
    sample = zammad.sample([SECRET], 5, NOW)
    assert zammad.verify(sample.body, sample.headers, [SECRET], NOW) == "article:5"
    heard = zammad.parse(sample.body)
    assert isinstance(heard, Heard)
    assert heard.ticket_id == zammad.TEST_TICKET == zammad.ticket_of(sample.body)
