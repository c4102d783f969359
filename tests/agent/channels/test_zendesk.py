"""Zendesk's events and triggers: who may post them, which are read, and what the ticket API is sent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.channels import zendesk
from agent.channels.channel import Heard, TakenOver
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery
from tests.vendor import FOLDER, bytes_of
from tests.zendesk import ACCESS, SECRET, comment, signed

NOW = datetime.now(UTC)
TRIGGERED = {"ticket_id": "5158", "subject": "Card", "comment": "it is lost", "status": "Open"}


def created(**changed: Any) -> bytes:
    detail = {
        "id": "7",
        "subject": "Card",
        "description": "lost",
        "requester_id": "84",
        "submitter_id": "84",
        **changed,
    }
    return bytes_of({"type": "zen:event-type:ticket.created", "id": "evt-1", "detail": detail, "event": {}})


class TestVerify:
    """Raw bytes, constant time, a window of five minutes, several secrets, never unsigned."""

    def test_an_event_is_named_by_its_id_and_a_trigger_by_its_body(self) -> None:
        body = bytes_of(comment(1, "hi"))
        for secrets in ([SECRET], ["new", SECRET]):
            assert zendesk.verify(body, signed(body, NOW), secrets, NOW) == "evt-1"
        body = bytes_of(TRIGGERED)
        assert zendesk.verify(body, signed(body, NOW), [SECRET], NOW).startswith("trigger:")

    def test_a_flipped_byte_another_secret_or_time_is_refused(self) -> None:
        body = bytes_of(comment(1, "hi"))
        good = signed(body, NOW)
        for changed, headers in (
            (body.replace(b"hi", b"ho"), good),
            (body, signed(body, NOW, "other")),
            (body, signed(body, NOW - timedelta(minutes=6))),
            (body, signed(body, NOW + timedelta(minutes=6))),
            (body, {**good, "x-zendesk-webhook-signature-timestamp": "soon"}),
            (body, {**good, "x-zendesk-webhook-signature-timestamp": "2025-07-10T15:36:22"}),
            (body, {**good, "x-zendesk-webhook-signature": "\u00fc"}),
            (body, {}),
        ):
            with pytest.raises(NotSignedIn):
                zendesk.verify(changed, headers, [SECRET], NOW)
        with pytest.raises(NotSignedIn):
            zendesk.verify(body, good, [], NOW)

    @pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with the reference vectors is not there")
    def test_the_reference_vector(self) -> None:
        vector = json.loads((FOLDER / "signature_vectors.json").read_text(encoding="utf-8"))["zendesk"]
        headers = {name.lower(): value for name, value in vector["headers"].items()}
        at = datetime.fromtimestamp(vector["frozen_unix_time"], UTC)
        assert zendesk.verify(vector["body"].encode(), headers, [vector["secret"]], at)

    @pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with real payloads is not there")
    def test_real_payloads(self) -> None:
        said, agent = (
            (FOLDER / f"zendesk_ticket.comment_added.{who}.json").read_bytes() for who in ("customer", "agent")
        )
        assert zendesk.parse(said) == Heard("5158", "It still does not work.")
        assert zendesk.parse(agent) == TakenOver("5158", "8447388090495")
        assert zendesk.parse((FOLDER / "zendesk_messaging_ticket.message_added.json").read_bytes()) is None


class TestParse:
    """Only a customer's public words are answered."""

    def test_a_customers_comment_ticket_or_trigger_is_heard(self) -> None:
        body = bytes_of(comment(1, "it\0 does not work"))
        assert zendesk.parse(body) == Heard("5158", "it does not work")
        assert zendesk.ticket_of(body) == "5158"
        assert zendesk.parse(created()) == Heard("7", "Card\n\nlost")
        assert zendesk.parse(bytes_of(TRIGGERED)) == Heard("5158", "Card\n\nit is lost")
        assert zendesk.ticket_of(bytes_of(TRIGGERED)) == "5158"

    def test_an_agents_public_comment_means_that_they_have_it(self) -> None:
        assert zendesk.parse(bytes_of(comment(1, "on it", staff="7"))) == TakenOver("5158", "7")

    @pytest.mark.parametrize(
        "body",
        [
            bytes_of(comment(1, "a note", staff="7", public=False)),
            bytes_of(comment(1, " ")),
            created(is_public=False),
            created(submitter_id="7"),
            created(description=None),
            bytes_of({**comment(1, "hi"), "type": "zen:event-type:ticket.status_changed"}),
            bytes_of({**comment(1, "hi"), "type": ["x"]}),
            b"no json",
            b"[]",
            b"{}",
            b"[" * 100_000,
        ],
    )
    def test_everything_else_is_left_alone(self, body: bytes) -> None:
        assert zendesk.parse(body) is None

    @pytest.mark.parametrize(
        "body",
        [
            bytes_of({**comment(1, "secret words"), "detail": {"id": "5158/../9"}}),
            bytes_of({**comment(1, "secret words"), "event": {}}),
            bytes_of({"ticket_id": "1 or 2", "comment": "secret words"}),
            bytes_of({"ticket_id": "1"}),
        ],
    )
    def test_another_shape_is_refused_without_repeating_it(self, body: bytes) -> None:
        with pytest.raises(BadInput) as refused:
            zendesk.parse(body)
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_a_secret_and_an_api_user() -> None:
    assert zendesk.check_credentials({**ACCESS, "user_id": 900}, "https://shop.zendesk.com") == ACCESS
    for given, url in (
        (ACCESS, None),
        ({}, "https://shop.zendesk.com"),
        ({**ACCESS, "email": "a b"}, "https://shop.zendesk.com"),
        ({**ACCESS, "user_id": "me"}, "https://shop.zendesk.com"),
    ):
        with pytest.raises(BadInput) as refused:
            zendesk.check_credentials(given, url)
        assert "api-token" not in refused.value.sentence
    with pytest.raises(BadInput, match="signing secret"):
        zendesk.secrets_for(None)


@pytest.mark.parametrize(
    ("action", "payload", "change"),
    [
        (
            "reply",
            {"text": "Grüße"},
            {"comment": {"body": "Grüße", "public": True, "author_id": 900}, "status": "pending"},
        ),
        ("note", {"text": "Grüße"}, {"comment": {"body": "Grüße", "public": False, "author_id": 900}}),
        ("hand_off", {}, {"status": "open"}),
        ("label", {"labels": {"topic": "cards"}}, {"additional_tags": ["topic_cards"]}),
    ],
)
def test_a_delivery_is_a_change_of_the_ticket(action: str, payload: dict[str, Any], change: dict[str, Any]) -> None:
    connection = Connection(url="https://shop.zendesk.com/", credentials=ACCESS)
    call = zendesk.call(connection, Delivery(action=action, payload={"ticket_id": "9", **payload}), NOW)
    assert (call.method, call.url) == ("PUT", "https://shop.zendesk.com/api/v2/tickets/9.json")
    assert json.loads(call.body) == {"ticket": change}


def test_a_sample_is_what_zendesk_would_send() -> None:
    sample = zendesk.sample([SECRET], 5, NOW)
    assert zendesk.verify(sample.body, sample.headers, [SECRET], NOW) == "test-5"
    heard = zendesk.parse(sample.body)
    assert isinstance(heard, Heard)
    assert heard.ticket_id == zendesk.TEST_TICKET == zendesk.ticket_of(sample.body)
