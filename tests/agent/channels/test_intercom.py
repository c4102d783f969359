"""Intercom's notifications: who may post them, which are read, and what its API is sent."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.channels import intercom
from agent.channels.channel import Heard, TakenOver
from agent.errors import BadInput
from agent.tables import Connection, Delivery
from tests.intercom import ACCESS, created, notification, replied
from tests.vendor import FOLDER, bytes_of, hub_signed

NOW = datetime.now(UTC)
URL = "https://api.intercom.io"
SECRET = "client-secret"


class TestVerify:
    """What names a notification; how it is signed stands in test_signatures.py."""

    def test_a_notification_is_named_by_its_id_and_a_ping_by_its_body(self) -> None:
        body = bytes_of(created(1, "hi"))
        for secrets in ([SECRET], ["new", SECRET]):
            assert intercom.verify(body, hub_signed(body, SECRET), secrets, NOW) == "notif_1"
        body = bytes_of({**notification(1, "ping"), "id": None})
        assert intercom.verify(body, hub_signed(body, SECRET), [SECRET], NOW).startswith("body:")

    @pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with the reference vectors is not there")
    def test_the_reference_vector_and_payloads(self) -> None:
        vector = json.loads((FOLDER / "signature_vectors.json").read_text(encoding="utf-8"))["intercom"]
        headers = {name.lower(): value for name, value in vector["headers"].items()}
        assert intercom.verify(vector["body"].encode(), headers, [vector["secret"]], NOW).startswith("notif_4e35")
        first, later, ping = (
            (FOLDER / f"intercom_{what}.json").read_bytes()
            for what in ("conversation.user.created", "conversation.user.replied", "ping")
        )
        assert intercom.parse(first) == Heard("524", "Where is my card?")
        assert intercom.parse(later) == Heard("524", "Thanks again :)", assignee="991267715")
        assert intercom.parse(ping) is None


class TestParse:
    """Only a customer's words are answered."""

    def test_a_customers_words_are_heard_as_plain_text(self) -> None:
        body = bytes_of(created(1, "<p>my card\0 is&nbsp;lost</p>"))
        assert intercom.parse(body) == Heard("524", "my card is lost")
        assert intercom.ticket_of(body) == "524"
        for by in ("user", "lead", "contact"):
            assert intercom.parse(bytes_of(replied(2, "<p>and now?</p>", by))) == Heard("524", "and now?")

    def test_the_assignee_is_told_and_nobody_is_nobody(self) -> None:
        assert intercom.parse(bytes_of(replied(1, "hi", admin_assignee_id=7))) == Heard("524", "hi", assignee="7")
        assert intercom.parse(bytes_of(replied(1, "hi", admin_assignee_id=0))) == Heard("524", "hi")

    def test_a_teammate_who_replies_closes_or_is_assigned_has_it(self) -> None:
        reply = replied(1, "on it", "admin", "7")
        closed = {**reply, "topic": "conversation.admin.closed"}
        assigned = notification(2, "conversation.admin.assigned", admin_assignee_id=7)
        for body in (reply, closed, assigned):
            assert intercom.parse(bytes_of(body)) == TakenOver("524", "7")

    @pytest.mark.parametrize(
        "body",
        [
            bytes_of(replied(1, "Fin here", "bot")),
            bytes_of({**replied(1, "x", "admin"), "topic": "conversation.user.replied"}),
            bytes_of(created(1, None)),
            bytes_of(created(1, "<p> </p>")),
            bytes_of(notification(1, "conversation.user.created")),
            bytes_of(notification(1, "conversation.user.replied")),
            bytes_of(notification(1, "conversation.admin.assigned")),
            bytes_of(notification(1, "conversation.admin.noted")),
            bytes_of(notification(1, "ping")),
            bytes_of({**created(1, "hi"), "topic": ["conversation.user.created"]}),
            b"no json",
            b"[]",
            b"{}",
            b"[" * 100_000,
        ],
    )
    def test_everything_else_is_left_alone(self, body: bytes) -> None:
        assert intercom.parse(body) is None

    @pytest.mark.parametrize(
        "body",
        [
            created(1, "secret words", id="524/../9"),
            created(1, "secret words", source={"body": "secret words"}),
            replied(1, "secret words", conversation_parts={"conversation_parts": "secret words"}),
            {**created(1, "secret words"), "data": None},
        ],
    )
    def test_another_shape_is_refused_without_repeating_it(self, body: dict[str, Any]) -> None:
        with pytest.raises(BadInput) as refused:
            intercom.parse(bytes_of(body))
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_a_secret_a_token_and_a_teammate() -> None:
    assert intercom.check_credentials({**ACCESS, "user_id": 900}, URL) == ACCESS
    for given, url in (
        (ACCESS, None),
        ({}, URL),
        ({**ACCESS, "user_id": "me"}, URL),
        ({**ACCESS, "team_id": "../5"}, URL),
        ({**ACCESS, "token": "access-token\n"}, URL),
    ):
        with pytest.raises(BadInput) as refused:
            intercom.check_credentials(given, url)
        assert "access-token" not in refused.value.sentence
    with pytest.raises(BadInput, match="client secret"):
        intercom.secrets_for(None)


@pytest.mark.parametrize(
    ("action", "payload", "path", "body"),
    [
        ("reply", {"text": "a < b\nc"}, "reply", {"message_type": "comment", "type": "admin", "body": "a &lt; b<br>c"}),
        ("note", {"text": "Grüße"}, "reply", {"message_type": "note", "type": "admin", "body": "Grüße"}),
        ("hand_off", {}, "parts", {"message_type": "assignment", "type": "team", "assignee_id": "55"}),
    ],
)
def test_a_delivery_is_a_part_of_the_conversation(
    action: str, payload: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    connection = Connection(url=f"{URL}/", credentials=ACCESS)
    call = intercom.call(connection, Delivery(action=action, payload={"ticket_id": "9", **payload}), NOW)
    assert (call.method, call.url) == ("POST", f"{URL}/conversations/9/{path}")
    assert (call.headers["authorization"], call.headers["intercom-version"]) == ("Bearer access-token", "2.15")
    assert json.loads(call.body) == {**body, "admin_id": "900"}


def test_without_a_team_a_conversation_is_handed_to_nobody() -> None:
    connection = Connection(url=URL, credentials={**ACCESS, "team_id": None})
    call = intercom.call(connection, Delivery(action="hand_off", payload={"ticket_id": "9"}), NOW)
    wanted = {"message_type": "assignment", "type": "admin", "assignee_id": "0", "admin_id": "900"}
    assert json.loads(call.body) == wanted


def test_a_sample_is_what_intercom_would_send() -> None:
    sample = intercom.sample([SECRET], 5, NOW)
    assert intercom.verify(sample.body, sample.headers, [SECRET], NOW) == "test-5"
    heard = intercom.parse(sample.body)
    assert isinstance(heard, Heard)
    assert heard.ticket_id == intercom.TEST_TICKET == intercom.ticket_of(sample.body)
