"""Front's webhooks: who may post them, which are read, what is answered at once, and what its API is sent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.channels import front
from agent.channels.channel import Heard, TakenOver
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery
from tests.front import ACCESS, event, framed, heard, message, replied, rule_signed, signed
from tests.vendor import FOLDER, bytes_of

NOW = datetime.now(UTC)
URL = "https://api2.frontapp.com"
SECRET = "signing-key"
BODY = bytes_of(heard(1, "hi"))
SAMPLED = pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with real payloads and vectors is not there")


class TestVerify:
    """Raw bytes, a window of five minutes where a time is signed, several secrets, never unsigned."""

    def test_an_event_is_named_by_its_id_whoever_posts_it_and_else_by_its_body(self) -> None:
        for secrets in ([SECRET], ["new", SECRET]):
            assert front.verify(BODY, signed(BODY, SECRET, NOW), secrets, NOW) == "evt_1"
        body = bytes_of(event(2, "inbound", message("hi")))
        assert front.verify(body, rule_signed(body, SECRET), ["new", SECRET], NOW) == "evt_2"
        for body in (b"{}", b"no json"):
            assert front.verify(body, rule_signed(body, SECRET), [SECRET], NOW).startswith("body:")

    def test_a_flipped_byte_another_secret_or_time_is_refused(self) -> None:
        good, rule = signed(BODY, SECRET, NOW), rule_signed(BODY, SECRET)
        other = BODY.replace(b"hi", b"ho")
        for changed, headers in (
            (other, good),
            (other, rule),
            (BODY, signed(BODY, "other", NOW)),
            (BODY, rule_signed(BODY, "other")),
            (BODY, signed(BODY, SECRET, NOW - timedelta(minutes=6))),
            (BODY, signed(BODY, SECRET, NOW + timedelta(minutes=6))),
            (BODY, {"x-front-signature": good["x-front-signature"]}),
            (BODY, {**rule, "x-front-request-timestamp": good["x-front-request-timestamp"]}),
            (BODY, {**good, "x-front-request-timestamp": "soon"}),
            (BODY, {**good, "x-front-request-timestamp": "9" * 21}),
            (BODY, {**good, "x-front-signature": "\u00fc"}),
            (BODY, {}),
        ):
            with pytest.raises(NotSignedIn):
                front.verify(changed, headers, [SECRET], NOW)
        with pytest.raises(NotSignedIn):
            front.verify(BODY, good, [], NOW)

    @SAMPLED
    @pytest.mark.parametrize("name", ["front_application", "front_rule"])
    def test_the_reference_vectors(self, name: str) -> None:
        vector = json.loads((FOLDER / "signature_vectors.json").read_text(encoding="utf-8"))[name]
        headers = {header.lower(): value for header, value in vector["headers"].items()}
        at = datetime.fromtimestamp(vector.get("frozen_unix_time", 0), UTC)
        assert front.verify(vector["body"].encode(), headers, [vector["secret"]], at) == "evt_3s78kxhw"

    @SAMPLED
    def test_real_payloads(self) -> None:
        said = "Hi,\n\nI placed an order last week with Brandon. When will it be delivered?"
        body = (FOLDER / "front_inbound_received.json").read_bytes()
        assert front.parse(body) == Heard("cnv_1042nr10", f"Package update?\n\n{said}")
        assert front.ticket_of(body) == "cnv_1042nr10"
        sync = (FOLDER / "front_sync_validation.json").read_bytes()
        assert front.challenge(sync, {"x-front-challenge": "c1"}) == {"challenge": "c1"}
        assert front.parse(sync) is None


def test_only_the_question_is_answered() -> None:
    asking = {"x-front-challenge": "c1"}
    assert front.challenge(bytes_of({"type": "sync"}), asking) == {"challenge": "c1"}
    for body, headers in ((b'{"type": "sync"}', {}), (BODY, asking), (b"no json", asking)):
        assert front.challenge(body, headers) is None


class TestParse:
    """Only a customer's words are answered."""

    def test_a_customers_message_is_heard_the_first_with_its_subject(self) -> None:
        body = bytes_of(heard(1, "my card\0 is lost"))
        assert front.parse(body) == Heard("cnv_1", "my card is lost")
        assert front.ticket_of(body) == "cnv_1"
        markup = heard(1, None, body="<p>is it&nbsp;lost</p>")
        assert front.parse(bytes_of(markup)) == Heard("cnv_1", "is it lost")
        first = heard(1, "lost", created_at=1694046470.93)
        assert front.parse(bytes_of(first)) == Heard("cnv_1", "Card\n\nlost")

    def test_a_rules_webhook_says_the_same_without_a_frame(self) -> None:
        body = bytes_of(event(1, "inbound", message("hi"), "tea_7"))
        assert front.parse(body) == Heard("cnv_1", "hi", assignee="tea_7")
        assert front.ticket_of(body) == "cnv_1"

    def test_a_teammate_who_writes_or_is_assigned_has_it(self) -> None:
        assert front.parse(bytes_of(replied(1, "on it", "tea_7"))) == TakenOver("cnv_1", "tea_7")
        for kind in ("assign", "assignee_changed"):
            assigned = event(1, kind, {"id": "tea_7", "username": "sam"}, "tea_7")
            assert front.parse(bytes_of(framed(assigned, "assignee_changed"))) == TakenOver("cnv_1", "tea_7")

    @pytest.mark.parametrize(
        "body",
        [
            bytes_of(replied(1, "We received your message.", None)),
            bytes_of(heard(1, None)),
            bytes_of(heard(1, " ")),
            bytes_of(framed(event(1, "inbound", message("sent", inbound=False)))),
            bytes_of(framed(event(1, "assign", None), "assignee_changed")),
            bytes_of(framed(event(1, "comment", {"id": "com_1", "body": "a note"}), "new_comment_added")),
            bytes_of({"type": "sync", "authorization": {"id": "cmp_1"}}),
            bytes_of({"type": ["inbound"]}),
            b"no json",
            b"[]",
            b"{}",
            b"[" * 100_000,
        ],
    )
    def test_everything_else_is_left_alone(self, body: bytes) -> None:
        assert front.parse(body) is None

    def test_a_preview_says_what_to_change(self) -> None:
        shown = {"id": "msg_1", "is_inbound": True, "blurb": "secret words"}
        for target in (shown, None):
            with pytest.raises(BadInput, match="send the full event") as refused:
                front.parse(bytes_of(framed(event(1, "inbound", target))))
            assert "secret words" not in refused.value.sentence

    @pytest.mark.parametrize(
        "happened",
        [
            {**event(1, "inbound", message("secret words")), "conversation": {"id": "cnv_1/../cnv_2"}},
            {**event(1, "inbound", message("secret words")), "conversation": None},
            event(1, "inbound", message("secret words", is_inbound="secret words")),
            event(1, "inbound", "secret words"),
            event(1, "assign", "secret words"),
        ],
    )
    @pytest.mark.parametrize("bare", [True, False])
    def test_another_shape_is_refused_without_repeating_it(self, happened: dict[str, Any], *, bare: bool) -> None:
        with pytest.raises(BadInput) as refused:
            front.parse(bytes_of(happened if bare else framed(happened)))
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_a_secret_a_token_and_a_teammate() -> None:
    assert front.check_credentials(ACCESS, URL) == ACCESS
    for given, url in (
        (ACCESS, None),
        ({}, URL),
        ({**ACCESS, "user_id": "sam@shop.example"}, URL),
        ({**ACCESS, "inbox_id": "inb_../5"}, URL),
        ({**ACCESS, "token": "api-token\n"}, URL),
    ):
        with pytest.raises(BadInput) as refused:
            front.check_credentials(given, url)
        assert "api-token" not in refused.value.sentence
    with pytest.raises(BadInput, match="signing key"):
        front.secrets_for(None)


BY = {"author_id": ACCESS["user_id"]}
REPLY = {**BY, "body": "a &lt; b<br>c", "text": "a < b\nc", "options": {"archive": False}}


@pytest.mark.parametrize(
    ("action", "payload", "method", "path", "body"),
    [
        ("reply", {"text": "a < b\nc"}, "POST", "/messages", REPLY),
        ("note", {"text": "Grüße"}, "POST", "/comments", {**BY, "body": "Grüße"}),
        ("hand_off", {}, "PATCH", "", {"assignee_id": None, "status": "open", "inbox_id": "inb_55"}),
    ],
)
def test_a_delivery_is_a_message_a_comment_or_a_change(
    action: str, payload: dict[str, Any], method: str, path: str, body: dict[str, Any]
) -> None:
    connection = Connection(url=f"{URL}/", credentials=ACCESS)
    call = front.call(connection, Delivery(action=action, payload={"ticket_id": "cnv_9", **payload}), NOW)
    assert (call.method, call.url) == (method, f"{URL}/conversations/cnv_9{path}")
    assert call.headers["authorization"] == "Bearer api-token"
    assert json.loads(call.body) == body


def test_without_an_inbox_a_conversation_stays_where_it_is() -> None:
    connection = Connection(url=URL, credentials={**ACCESS, "inbox_id": None})
    call = front.call(connection, Delivery(action="hand_off", payload={"ticket_id": "cnv_9"}), NOW)
    assert json.loads(call.body) == {"assignee_id": None, "status": "open"}


def test_a_sample_is_what_front_would_send() -> None:
    sample = front.sample([SECRET], 5, NOW)
    assert front.verify(sample.body, sample.headers, [SECRET], NOW) == "test-5"
    said = front.parse(sample.body)
    assert isinstance(said, Heard)
    assert said.ticket_id == front.TEST_TICKET == front.ticket_of(sample.body)
