"""Chatwoot's events: who may post them, which are read, and what a bot calls."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.channels import chatwoot
from agent.channels.channel import Heard, TakenOver
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery
from tests.chatwoot import SECRET, message, signed
from tests.vendor import bytes_of

NOW = datetime.now(UTC)
ACCESS = {"account_id": 3, "token": "bot-token"}


class TestVerify:
    """Raw bytes, constant time, a window of five minutes, several secrets."""

    def test_a_message_is_named_by_its_id_however_often_it_is_delivered(self) -> None:
        body = bytes_of(message(77287, "hi"))
        for secrets in ([SECRET], ["new", SECRET]):
            assert chatwoot.verify(body, signed(body, NOW), secrets, NOW) == "message_created:77287"

    def test_other_events_are_named_by_their_delivery(self) -> None:
        body = bytes_of({"event": "conversation_opened", "id": 13098})
        headers = signed(body, NOW)
        assert chatwoot.verify(body, headers, [SECRET], NOW) == f"delivery:{headers['x-chatwoot-delivery']}"
        assert chatwoot.verify(body, {}, [], NOW).startswith("delivery:"), "older servers send neither"

    def test_a_flipped_byte_another_secret_or_time_is_refused(self) -> None:
        body = bytes_of(message(1, "hi"))
        good = signed(body, NOW)
        for changed, headers in (
            (body.replace(b"hi", b"ho"), good),
            (body, signed(body, NOW, "other")),
            (body, signed(body, NOW - timedelta(minutes=6))),
            (body, signed(body, NOW + timedelta(minutes=6))),
            (body, {**good, "x-chatwoot-timestamp": "soon"}),
            (body, {**good, "x-chatwoot-timestamp": "9" * 400}),
            (body, {**good, "x-chatwoot-timestamp": "\u0663"}),
            (body, {**good, "x-chatwoot-signature": good["x-chatwoot-signature"].removeprefix("sha256=")}),
            (body, {**good, "x-chatwoot-signature": "sha256=\u00fc"}),
            (body, {}),
        ):
            with pytest.raises(NotSignedIn):
                chatwoot.verify(changed, headers, [SECRET], NOW)

    def test_the_reference_vector(self) -> None:
        folder = Path(os.environ.get("FROSTDESK_SHARED", "../shared")) / "integrations/webhooks"
        if not folder.is_dir():
            pytest.skip("the folder with the reference vectors is not there")
        vector = json.loads((folder / "signature_vectors.json").read_text(encoding="utf-8"))["chatwoot"]
        headers = {name.lower(): value for name, value in vector["headers"].items()}
        at = datetime.fromtimestamp(vector["frozen_unix_time"], UTC)
        assert chatwoot.verify(vector["body"].encode(), headers, [vector["secret"]], at) == "message_created:77287"
        assert chatwoot.parse(vector["body"].encode()) == Heard(
            "13098", "I still haven't received my new card", ours=True
        )


class TestParse:
    """Only a contact's public message in a conversation of the bot is answered."""

    def test_a_contacts_message_is_heard(self) -> None:
        body = bytes_of(message(1, "my card\0 is lost"))
        assert chatwoot.parse(body) == Heard("13098", "my card is lost", ours=True)
        assert chatwoot.ticket_of(body) == "13098"

    @pytest.mark.parametrize(
        "changed",
        [
            {"private": True},
            {"message_type": "activity"},
            {"message_type": "template"},
            {"message_type": "outgoing", "sender": {"id": 1, "type": "agent_bot"}},
            {"message_type": "outgoing", "sender": None},
            {"content": None},
            {"content": " "},
            {"event": "message_updated"},
            {"event": "webwidget_triggered"},
        ],
    )
    def test_what_is_not_a_customers_public_message_is_left_alone(self, changed: dict[str, object]) -> None:
        assert chatwoot.parse(bytes_of({**message(1, "hi"), **changed})) is None

    def test_a_human_who_answers_or_opens_a_conversation_has_it(self) -> None:
        human = {"message_type": "outgoing", "sender": {"id": 1, "type": "user"}}
        assert chatwoot.parse(bytes_of(message(1, "I am on it", **human))) == TakenOver("13098")
        assert chatwoot.parse(bytes_of(message(1, "and now?", status="open"))) == Heard("13098", "and now?", ours=False)
        opened = bytes_of({"event": "conversation_opened", "id": 13098, "status": "open"})
        assert chatwoot.parse(opened) == TakenOver("13098")
        assert chatwoot.ticket_of(opened) == "13098"

    @pytest.mark.parametrize(
        "body", [b"no json", b"[]", b"{}", b"null", b"\xff", b'{"event": ["message_created"]}', b"[" * 100_000]
    )
    def test_what_is_no_event_is_nothing(self, body: bytes) -> None:
        assert chatwoot.parse(body) is None
        assert chatwoot.ticket_of(body) is None

    @pytest.mark.parametrize(
        "changed", [{"conversation": None}, {"conversation": {"id": "x/../y"}}, {"message_type": 0}, {"content": 5}]
    )
    def test_a_message_of_another_shape_is_refused_without_repeating_it(self, changed: dict[str, object]) -> None:
        with pytest.raises(BadInput) as refused:
            chatwoot.parse(bytes_of({**message(1, "secret words"), **changed}))
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_an_account_and_a_token() -> None:
    assert chatwoot.check_credentials(ACCESS, "https://chat.example") == ACCESS
    for given, url in (
        (ACCESS, None),
        ({}, "https://chat.example"),
        ({**ACCESS, "account_id": "../7"}, "https://chat.example"),
        ({**ACCESS, "token": "line\nbreak"}, "https://chat.example"),
        ({**ACCESS, "more": "x"}, "https://chat.example"),
    ):
        with pytest.raises(BadInput) as refused:
            chatwoot.check_credentials(given, url)
        assert "bot-token" not in refused.value.sentence
    assert (chatwoot.secrets_for("s"), chatwoot.secrets_for(None)) == (["s"], [])


def test_a_delivery_is_spelt_as_the_api_wants_it() -> None:
    connection = Connection(url="https://chat.example/", credentials=ACCESS)
    base = "https://chat.example/api/v1/accounts/3/conversations/9"
    for action, private in (("reply", False), ("note", True)):
        delivery = Delivery(action=action, payload={"ticket_id": "9", "text": "Grüße"})
        call = chatwoot.call(connection, delivery, NOW)
        assert (call.method, call.url) == ("POST", f"{base}/messages")
        assert call.headers["api_access_token"] == "bot-token"
        body = json.loads(call.body)
        assert (body["content"], body["private"], body["message_type"]) == ("Grüße", private, "outgoing")
    call = chatwoot.call(connection, Delivery(action="hand_off", payload={"ticket_id": "9"}), NOW)
    assert (call.url, json.loads(call.body)) == (f"{base}/toggle_status", {"status": "open"})


def test_a_sample_is_what_chatwoot_would_send() -> None:
    for secrets in ([SECRET], []):
        sample = chatwoot.sample(secrets, 5, NOW)
        assert chatwoot.verify(sample.body, sample.headers, secrets, NOW) == "message_created:5"
        heard = chatwoot.parse(sample.body)
        assert isinstance(heard, Heard)
        assert heard.ticket_id == chatwoot.TEST_TICKET == chatwoot.ticket_of(sample.body)
