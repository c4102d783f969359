"""Sunshine Conversations' webhooks: which messages are read, while who has control, and what its API is sent."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.channels import sunshine
from agent.channels.bodies import MOST_EVENTS
from agent.channels.channel import Heard, TakenOver
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery
from tests.sunshine import ACCESS, AGENTS, APP, CONVERSATION, GIVEN, event, request
from tests.vendor import FOLDER, bytes_of

NOW = datetime.now(UTC)
URL, SECRET = "https://shop.zendesk.com", "webhook-secret"
BODY = bytes_of(request(event(1, "hi"), event(2, "there")))
TURN = {"reply": "In five days.", "suggestions": [], "escalation": None}
ESCALATED = {**TURN, "escalation": {"id": "e", "summary": "Wants a refund."}}
LABELS = {"topic": "cards", "tone": "calm"}


def test_each_of_several_secrets_opens_and_nothing_else() -> None:
    for secrets in ([SECRET], ["new", SECRET]):
        assert sunshine.verify(BODY, {"x-api-key": SECRET}, secrets, NOW) == "ev1"
    for headers, secrets in (
        ({"x-api-key": "other"}, [SECRET]),
        ({"x-api-key": SECRET[:-1]}, [SECRET]),
        ({"x-api-key": "\u00fc"}, [SECRET]),
        ({"x-api-key": ""}, [SECRET]),
        ({}, [SECRET]),
        ({"x-api-key": SECRET}, []),
    ):
        with pytest.raises(NotSignedIn):
            sunshine.verify(BODY, headers, secrets, NOW)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with real payloads is not there")
def test_a_real_payload_and_the_reference_vector() -> None:
    vector = json.loads((FOLDER / "signature_vectors.json").read_text(encoding="utf-8"))["sunshine"]
    body = vector["body"].encode()
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    name = sunshine.verify(body, headers, [vector["secret"]], NOW)
    [(only, part)] = sunshine.split(body)
    assert name == only == "69b4c5f014137ce0cd455f09"
    assert sunshine.parse(part) == Heard("69b43c86543fa6363b8fabe1", "Where is my card?", False, assignee=AGENTS)


class TestSplit:
    """Every event of a request is one of its own, in their order."""

    def test_events_keep_their_ids_and_order(self) -> None:
        parts = sunshine.split(BODY)
        assert [name for name, _ in parts] == ["ev1", "ev2"]
        assert json.loads(parts[1][1]) == event(2, "there")

    @pytest.mark.parametrize("body", [b"no json", b"", b"[]", b"{}", b'{"events": {}}', b'{"events": []}'])
    def test_what_holds_none_has_none(self, body: bytes) -> None:
        assert sunshine.split(body) == []
        assert sunshine.verify(body, {"x-api-key": SECRET}, [SECRET], NOW).startswith("body:")
        assert sunshine.parse(body) is None

    def test_too_many_are_refused(self) -> None:
        events = [event(number, "hi") for number in range(MOST_EVENTS + 1)]
        assert len(sunshine.split(bytes_of(request(*events[1:])))) == MOST_EVENTS
        with pytest.raises(BadInput, match="at most 100"):
            sunshine.split(bytes_of(request(*events)))


class TestParse:
    """Only a user's words are answered, and only while control is ours."""

    def test_a_users_message_is_heard_with_who_has_control(self) -> None:
        body = bytes_of(event(1, " my card\0 is lost\n"))
        assert sunshine.parse(body) == Heard(CONVERSATION, "my card is lost", False, assignee="frostdesk")
        assert sunshine.ticket_of(body) == CONVERSATION
        assert sunshine.parse(bytes_of(event(1, "hi", holder=AGENTS))) == Heard(
            CONVERSATION, "hi", False, assignee=AGENTS
        )
        assert sunshine.parse(bytes_of(event(1, "hi", holder=None))) == Heard(CONVERSATION, "hi", False)

    def test_a_human_of_the_business_has_it(self) -> None:
        assert sunshine.parse(bytes_of(event(1, "on it", "business"))) == TakenOver(CONVERSATION)

    def test_who_speaks_by_the_api_is_who_has_control(self) -> None:
        source = {"type": "api:conversations"}
        ours = sunshine.parse(bytes_of(event(1, "hi", "business", source=source)))
        assert ours == TakenOver(CONVERSATION, ACCESS["user_id"]), "read as our own words"
        assert sunshine.parse(bytes_of(event(1, "hi", "business", AGENTS, source=source))) == TakenOver(
            CONVERSATION, AGENTS
        )

    @pytest.mark.parametrize(
        "body",
        [
            event(1, "ours", "business", metadata=sunshine.OURS),
            event(1, "a bot's", "business", source={"type": "zd:answerBot"}),
            event(1, "hi", "system"),
            event(1, None),
            event(1, " \0 "),
            {**event(1, "hi"), "type": "conversation:read"},
            {**event(1, "hi"), "type": "switchboard:passControl"},
            {},
        ],
    )
    def test_everything_else_is_left_alone(self, body: dict[str, Any]) -> None:
        assert sunshine.parse(bytes_of(body)) is None

    @pytest.mark.parametrize(
        "body",
        [
            {**event(1, "secret words"), "payload": {"conversation": {"id": "6c/../9"}}},
            {**event(1, "secret words"), "payload": "secret words"},
            event(1, "secret words", content={"text": ["secret words"]}),
            event(1, "secret words", author="secret words", metadata="secret words"),
        ],
    )
    def test_another_shape_is_refused_without_repeating_it(self, body: dict[str, Any]) -> None:
        with pytest.raises(BadInput) as refused:
            sunshine.parse(bytes_of(body))
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_a_secret_an_app_a_key_and_our_name() -> None:
    assert sunshine.check_credentials({**GIVEN, "field_id": 360}, URL) == ACCESS
    for given, url in (
        (GIVEN, None),
        ({}, URL),
        ({**GIVEN, "app_id": "6a/1"}, URL),
        ({**GIVEN, "key_id": "app:6b2"}, URL),
        ({**GIVEN, "token": "key-secret\n"}, URL),
        ({**GIVEN, "integration": "our bot"}, URL),
        ({**GIVEN, "next": ""}, URL),
    ):
        with pytest.raises(BadInput) as refused:
            sunshine.check_credentials(given, url)
        assert "key-secret" not in refused.value.sentence
    with pytest.raises(BadInput, match="shared secret"):
        sunshine.secrets_for(None)


@pytest.mark.parametrize(
    ("mode", "turn", "actions"),
    [
        ("answer", TURN, ["label", "reply"]),
        ("answer", ESCALATED, ["reply", "hand_off"]),
        ("draft", ESCALATED, ["label", "note", "note"]),
        ("label", ESCALATED, ["label"]),
        ("watch", ESCALATED, []),
    ],
)
def test_a_hand_over_takes_summary_and_labels_with_it(mode: Any, turn: dict[str, Any], actions: list[str]) -> None:
    planned = sunshine.plan(mode, CONVERSATION, turn, LABELS)
    assert [step.action for step in planned] == actions
    if actions[-1:] == ["hand_off"]:
        assert planned[-1].payload == {"ticket_id": CONVERSATION, "text": "Wants a refund.", "labels": LABELS}


def spelled(action: str, payload: dict[str, Any], **access: Any) -> tuple[str, Any]:
    connection = Connection(url=f"{URL}/", credentials={**ACCESS, **access})
    call = sunshine.call(connection, Delivery(action=action, payload={"ticket_id": "6c", **payload}), NOW)
    pair = base64.b64decode(call.headers["authorization"].removeprefix("Basic ")).decode()
    assert (call.method, pair) == ("POST", "app_6b2:key-secret")
    return call.url.removeprefix(f"{URL}/sc/v2/apps/{APP}/conversations/6c/"), json.loads(call.body)


def test_a_reply_is_a_message_of_the_business_with_our_mark() -> None:
    content = {"type": "text", "text": "Grüße & <b>"}
    said = {"author": {"type": "business"}, "content": content, "metadata": {"sentBy": "frostdesk"}}
    assert spelled("reply", {"text": "Grüße & <b>"}) == ("messages", said)


def test_a_hand_over_passes_control_with_what_agents_should_know() -> None:
    told = {"text": "Wants a refund.", "labels": LABELS}
    metadata = {
        "dataCapture.ticketField.360": "Wants a refund.",
        "dataCapture.systemField.tags": "topic_cards,tone_calm",
    }
    assert spelled("hand_off", told) == ("passControl", {"switchboardIntegration": "next", "metadata": metadata})
    _, bare = spelled("hand_off", {"text": "\u00fc" * 5000, "labels": {}}, field_id=None, next=AGENTS)
    assert bare["switchboardIntegration"] == AGENTS
    assert bare["metadata"] == {"summary": "\u00fc" * 1500}, "not more than may go with it"


@pytest.mark.parametrize("action", ["note", "label"])
def test_notes_and_labels_have_no_place_of_their_own(action: str) -> None:
    with pytest.raises(BadInput, match="only together with a hand-over"):
        spelled(action, {"text": "a note", "labels": LABELS})


def test_a_sample_is_what_sunshine_conversations_would_send() -> None:
    sample = sunshine.sample([SECRET], 5, NOW)
    assert sunshine.verify(sample.body, sample.headers, [SECRET], NOW) == "test-5"
    [(_, part)] = sunshine.split(sample.body)
    heard = sunshine.parse(part)
    assert isinstance(heard, Heard)
    assert (heard.ticket_id, heard.ours) == (sunshine.TEST_TICKET, None), "it is taken for ours"
    assert sunshine.ticket_of(part) == sunshine.TEST_TICKET
