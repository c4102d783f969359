"""HubSpot's webhooks: which messages are read, what names an event, and what the conversations API is sent."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.channels import hubspot
from agent.channels.bodies import MOST_EVENTS
from agent.channels.channel import Heard, TakenOver
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery
from tests.hubspot import ACCESS, CHAT, MAIL, assigned, event, message, signed
from tests.vendor import FOLDER, bytes_of

NOW = datetime.now(UTC)
STAMP = int(NOW.timestamp() * 1000)
URL, ENDPOINT, SECRET = "https://api.hubapi.com", "https://bot.example/webhooks/hubspot/con_1", "client-secret"
KEY = hubspot.key(SECRET, ENDPOINT)
BODY = bytes_of([event(1)])
TO = {
    "channelId": "1000",
    "channelAccountId": "14866",
    "recipients": [{"actorId": "V-41", "deliveryIdentifiers": [CHAT]}],
}


class TestVerify:
    """Raw bytes, our own address, a time close to ours, several secrets."""

    def test_each_of_several_secrets_signs(self) -> None:
        headers = signed(BODY, SECRET, ENDPOINT, STAMP)
        for keys in ([KEY], [hubspot.key("new", ENDPOINT), KEY]):
            assert hubspot.verify(BODY, headers, keys, NOW) == "message:m1"

    def test_another_byte_secret_address_or_form_is_refused(self) -> None:
        good = signed(BODY, SECRET, ENDPOINT, STAMP)
        signature = good["x-hubspot-signature-v3"]
        for body, headers in (
            (BODY.replace(b"m1", b"m2"), good),
            (BODY, signed(BODY, "other", ENDPOINT, STAMP)),
            (BODY, signed(BODY, SECRET, f"{ENDPOINT}/", STAMP)),
            (BODY, {**good, "x-hubspot-signature-v3": signature.rstrip("=")}),
            (BODY, {**good, "x-hubspot-signature-v3": "\u00fc"}),
            (BODY, {"x-hubspot-signature-v3": signature}),
            (BODY, {}),
        ):
            with pytest.raises(NotSignedIn, match="FROSTDESK_PUBLIC_URL"):
                hubspot.verify(body, headers, [KEY], NOW)
        with pytest.raises(NotSignedIn):
            hubspot.verify(BODY, good, [], NOW)

    @pytest.mark.parametrize("seconds", [-301, 301, -86_400, 10**12])
    def test_a_time_far_from_ours_is_refused_in_the_past_and_in_the_future(self, seconds: int) -> None:
        headers = signed(BODY, SECRET, ENDPOINT, STAMP + seconds * 1000)
        with pytest.raises(NotSignedIn):
            hubspot.verify(BODY, headers, [KEY], NOW)

    def test_a_time_near_ours_is_taken_and_one_that_is_none_is_not(self) -> None:
        for seconds in (-299, 299):
            headers = signed(BODY, SECRET, ENDPOINT, STAMP + seconds * 1000)
            assert hubspot.verify(BODY, headers, [KEY], NOW)
        for stamp in ("", "soon", "-1", "\u00b2", str(STAMP // 1000)):
            with pytest.raises(NotSignedIn):
                hubspot.verify(BODY, {**headers, "x-hubspot-request-timestamp": stamp}, [KEY], NOW)

    @pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with the reference vectors is not there")
    def test_the_reference_vector(self) -> None:
        vector = json.loads((FOLDER / "signature_vectors.json").read_text(encoding="utf-8"))["hubspot_v3"]
        headers = {name.lower(): value for name, value in vector["headers"].items()}
        key, at = hubspot.key(vector["secret"], vector["uri"]), datetime.fromtimestamp(vector["frozen_unix_time"], UTC)
        body = vector["body"].encode()
        named = hubspot.verify(body, headers, [key], at)
        assert named == f"message:{json.loads(body)[0]['messageId']}"
        with pytest.raises(NotSignedIn):
            hubspot.verify(body, headers, [key], at + timedelta(seconds=301))


class TestSplit:
    """Every event of a request is one of its own."""

    def test_events_are_named_by_their_message_and_put_in_the_order_they_occurred_in(self) -> None:
        body = bytes_of([event(3), event(1), assigned(2, "77"), {"subscriptionType": "conversation.creation"}])
        timeless, *named = [name for name, _ in hubspot.split(body)]
        assert named == ["message:m1", "event:1002:7001", "message:m3"]
        assert timeless.startswith("body:")
        assert [json.loads(part) for _, part in hubspot.split(body)][1] == event(1)

    def test_a_later_attempt_has_the_same_name_and_an_id_that_comes_twice_hides_no_message(self) -> None:
        first, again = hubspot.split(bytes_of([event(1), event(1, attemptNumber=3)]))
        assert first[0] == again[0]
        one, other = hubspot.split(bytes_of([event(1, eventId=5), event(2, eventId=5)]))
        assert one[0] != other[0]

    @pytest.mark.parametrize("body", [b"no json", b"", b"{}", b"[]", b"[" * 100_000, b'"x"'])
    def test_what_is_no_list_has_none(self, body: bytes) -> None:
        assert hubspot.split(body) == []
        headers = signed(body, SECRET, ENDPOINT, STAMP)
        assert hubspot.verify(body, headers, [KEY], NOW).startswith("body:")

    def test_events_of_any_shape_have_a_name(self) -> None:
        body = bytes_of([1, None, "x", [], {"eventId": [1]}, {"messageId": "m", "subscriptionType": 3}, event(1)])
        assert len({name for name, _ in hubspot.split(body)}) == 7

    def test_too_many_are_refused(self) -> None:
        assert len(hubspot.split(bytes_of([event(n) for n in range(MOST_EVENTS)]))) == MOST_EVENTS
        with pytest.raises(BadInput, match="at most 100"):
            hubspot.split(bytes_of([event(n) for n in range(MOST_EVENTS + 1)]))


CONNECTION = Connection(url=f"{URL}/", credentials=ACCESS)


class TestFetch:
    """Only a message of the conversation is read at HubSpot."""

    def test_a_new_message_is_asked_for(self) -> None:
        call = hubspot.fetch(CONNECTION, bytes_of(event(1)))
        assert call is not None
        assert (call.method, call.body) == ("GET", b"")
        assert call.url == f"{URL}/conversations/v3/conversations/threads/7001/messages/m1"
        assert call.headers["authorization"] == "Bearer pat-na1-token"

    @pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with real payloads is not there")
    def test_a_recalled_payload(self) -> None:
        body = (FOLDER / "hubspot_conversation.newMessage.recalled.json").read_bytes()
        [(name, part)] = hubspot.split(body)
        call = hubspot.fetch(CONNECTION, part)
        assert call is not None
        assert call.url.endswith(f"/threads/1467982113/messages/{name.removeprefix('message:')}")
        assert hubspot.ticket_of(part) == "1467982113"

    @pytest.mark.parametrize(
        "other",
        [
            event(1, messageType="COMMENT"),
            event(1, messageType="WELCOME_MESSAGE"),
            assigned(1, "77"),
            {"subscriptionType": "conversation.creation", "objectId": 7001},
            {},
            [],
        ],
    )
    def test_nothing_else_is(self, other: Any) -> None:
        assert hubspot.fetch(CONNECTION, bytes_of(other)) is None

    @pytest.mark.parametrize("changed", [{"messageId": "../../../crm"}, {"messageId": None}, {"objectId": "7001/x"}])
    def test_ids_that_do_not_belong_into_an_address_are_refused(self, changed: dict[str, Any]) -> None:
        with pytest.raises(BadInput) as refused:
            hubspot.fetch(CONNECTION, bytes_of(event(1, **changed)))
        assert "crm" not in refused.value.sentence


class TestParse:
    """Only a visitor's words are answered."""

    def test_a_visitors_message_is_heard_with_where_to_answer(self) -> None:
        assert hubspot.parse(bytes_of(message(1, "my card\0 is lost"))) == Heard("7001", "my card is lost", reply_to=TO)

    def test_an_e_mail_is_answered_to_its_address_below_its_subject(self) -> None:
        sender = {"actorId": "V-41", "deliveryIdentifier": MAIL}
        first = message(1, "lost", senders=[sender], subject="Card", channelId="1002")
        heard = hubspot.parse(bytes_of(first))
        assert isinstance(heard, Heard)
        assert heard.text == "Card\n\nlost"
        assert heard.reply_to == {
            **TO,
            "channelId": "1002",
            "subject": "Card",
            "recipients": [{"actorId": "V-41", "deliveryIdentifiers": [MAIL], "recipientField": "TO"}],
        }
        later = hubspot.parse(bytes_of({**first, "inReplyToId": "m0"}))
        assert isinstance(later, Heard)
        assert later.text == "lost"

    def test_a_sender_whom_hubspot_does_not_know_is_a_customer(self) -> None:
        heard = hubspot.parse(bytes_of(message(1, "hi", senders=[{"deliveryIdentifier": MAIL}])))
        assert isinstance(heard, Heard)
        assert hubspot.parse(bytes_of(message(1, "hi", senders=[]))) == Heard(
            "7001", "hi", reply_to={**TO, "recipients": []}
        )

    def test_a_user_who_answers_or_is_assigned_has_it(self) -> None:
        assert hubspot.parse(bytes_of(message(1, "on it", "A-77"))) == TakenOver("7001", "77")
        assert hubspot.parse(bytes_of(assigned(1, "77"))) == TakenOver("7001", "77")
        assert hubspot.parse(bytes_of(assigned(1, "A-77"))) == TakenOver("7001", "77")

    @pytest.mark.parametrize(
        "body",
        [
            message(1, "our bot", "I-77"),
            message(1, "their bot", "L-5"),
            message(1, "hello", "S-hubspot", type="WELCOME_MESSAGE", direction=None),
            message(1, "a bot's", "I-77", direction="INCOMING"),
            message(1, "a note", "A-77", type="COMMENT", direction=None),
            message(1, None),
            message(1, " \0 "),
            message(1, "", subject="Only a subject"),
            assigned(1, None),
            assigned(1, ""),
            {**assigned(1, "CLOSED"), "propertyName": "status"},
            event(1, messageType="COMMENT"),
            {"subscriptionType": "conversation.deletion", "objectId": 7001},
        ],
    )
    def test_everything_else_is_left_alone(self, body: dict[str, Any]) -> None:
        assert hubspot.parse(bytes_of(body)) is None

    @pytest.mark.parametrize(
        "body",
        [
            b"secret words",
            b"[]",
            b"{}",
            bytes_of(message(1, "secret words", conversationsThreadId="7/../9")),
            bytes_of(message(1, "secret words", senders="secret words")),
            bytes_of({**message(1, "x"), "text": ["secret words"]}),
            bytes_of(message(1, "secret words", type=None)),
        ],
    )
    def test_another_shape_is_refused_without_repeating_it(self, body: bytes) -> None:
        with pytest.raises(BadInput) as refused:
            hubspot.parse(body)
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_a_secret_a_token_and_a_user() -> None:
    assert hubspot.check_credentials({**ACCESS, "user_id": 900}, URL) == ACCESS
    for given, url in (
        (ACCESS, None),
        ({}, URL),
        ({**ACCESS, "user_id": "me"}, URL),
        ({**ACCESS, "token": "a b"}, URL),
    ):
        with pytest.raises(BadInput) as refused:
            hubspot.check_credentials(given, url)
        assert "pat-na1" not in refused.value.sentence
    with pytest.raises(BadInput, match="client secret"):
        hubspot.secrets_for(None)


SAID = {"text": "a < b\nc", "richText": "a &lt; b<br>c"}


@pytest.mark.parametrize(
    ("action", "payload", "method", "path", "body"),
    [
        (
            "reply",
            {"text": "a < b\nc", **TO},
            "POST",
            "/messages",
            {"type": "MESSAGE", **SAID, **TO, "senderActorId": "A-900"},
        ),
        ("note", {"text": "a < b\nc"}, "POST", "/messages", {"type": "COMMENT", **SAID}),
        ("hand_off", {}, "PATCH", "", {"status": "OPEN"}),
    ],
)
def test_a_delivery_is_a_message_a_comment_or_an_open_thread(
    action: str, payload: dict[str, Any], method: str, path: str, body: dict[str, Any]
) -> None:
    call = hubspot.call(CONNECTION, Delivery(action=action, payload={"ticket_id": "9", **payload}), NOW)
    assert (call.method, call.url) == (method, f"{URL}/conversations/v3/conversations/threads/9{path}")
    assert call.headers["authorization"] == "Bearer pat-na1-token"
    assert json.loads(call.body) == body


def test_a_sample_is_signed_as_hubspot_would_and_needs_no_asking() -> None:
    sample = hubspot.sample([KEY], 5, NOW)
    name = hubspot.verify(sample.body, sample.headers, [KEY], NOW)
    [(only, part)] = hubspot.split(sample.body)
    assert name == only
    assert hubspot.fetch(CONNECTION, part) is None
    heard = hubspot.parse(part)
    assert isinstance(heard, Heard)
    assert heard.ticket_id == hubspot.TEST_TICKET == hubspot.ticket_of(part)
