"""Help Scout's webhooks: which messages are read, what names them, and what its API is sent."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.channels import helpscout
from agent.channels.channel import ClientCredentials, Heard, TakenOver
from agent.errors import BadInput
from agent.tables import Connection, Delivery
from tests.helpscout import ACCESS, conversation, signed, thread
from tests.vendor import FOLDER, bytes_of

NOW = datetime.now(UTC)
URL = "https://api.helpscout.net"
SECRET = "secret-key"
TO = {"customer_id": "77"}
BOT = int(ACCESS["user_id"])
FIRST = thread(1, "<p>my card is lost</p>")


def name_of(body: dict[str, Any], event: str) -> str:
    content = bytes_of(body)
    return helpscout.verify(content, {**signed(content, SECRET), "x-helpscout-event": event}, [SECRET], NOW)


def test_a_body_is_named_by_its_newest_message_and_not_by_the_unsigned_header() -> None:
    for event in ("convo.created", "convo.tags", ""):
        assert name_of(conversation(FIRST), event) == "thread:1"
    note, draft = thread(3, "look", "user", type="note"), thread(4, "soon", "user", state="draft")
    assert name_of(conversation(FIRST, thread(2, "and?"), note, draft), "convo.created") == "thread:2"
    for body in (conversation(), {"id": 10}, {"_embedded": {"threads": "none"}}, []):
        assert name_of(body, "convo.created").startswith("body:")  # type: ignore[arg-type]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with sample payloads is not there")
def test_a_sample_payload_of_others() -> None:
    body = (FOLDER / "helpscout_convo.customer.reply.created.recalled.json").read_bytes()
    assert helpscout.parse(body) == Heard("10", "Help\n\nStill waiting", reply_to={"customer_id": "238604"})


class TestParse:
    """Only a customer's public words are answered."""

    def test_a_customers_message_is_heard_as_plain_text_the_first_with_its_subject(self) -> None:
        first = bytes_of(conversation(thread(1, "<p>my card\0 is&nbsp;lost</p>")))
        assert helpscout.parse(first) == Heard("10", "Card\n\nmy card is lost", reply_to=TO)
        assert helpscout.ticket_of(first) == "10"
        later = conversation(FIRST, thread(2, "in five days", "user", BOT), thread(3, "thanks"))
        assert helpscout.parse(bytes_of(later)) == Heard("10", "thanks", reply_to=TO)

    def test_the_order_of_the_messages_does_not_matter(self) -> None:
        mixed = conversation()
        mixed["_embedded"]["threads"] = [FIRST, thread(12, "and now?"), thread(9, "hello?")]
        assert helpscout.parse(bytes_of(mixed)) == Heard("10", "and now?", reply_to=TO)

    def test_the_assignee_is_told_and_nobody_is_nobody(self) -> None:
        taken = conversation(FIRST, assignee={"id": 7, "type": "user"})
        assert helpscout.parse(bytes_of(taken)) == Heard("10", "Card\n\nmy card is lost", assignee="7", reply_to=TO)

    def test_a_users_message_means_that_they_have_it(self) -> None:
        body = bytes_of(conversation(FIRST, thread(2, "on it", "user", 7)))
        assert helpscout.parse(body) == TakenOver("10", "7")

    @pytest.mark.parametrize(
        "body",
        [
            bytes_of(conversation(FIRST, status="spam")),
            bytes_of(conversation(thread(1, "secret", "user", type="note"))),
            bytes_of(conversation(thread(1, "called", type="phone"))),
            bytes_of(conversation(thread(1, None, type="lineitem", createdBy={}))),
            bytes_of(conversation(thread(1, "soon", "user", state="draft"))),
            bytes_of(conversation(thread(1, "an answer of Help Scout's AI", "system_user"))),
            bytes_of(conversation(thread(1, "forwarded", createdBy={"id": 7, "type": "user"}))),
            bytes_of(conversation(thread(1, None))),
            bytes_of(conversation(thread(1, "<p> </p>"))),
            bytes_of(conversation()),
            bytes_of({"id": 10, "_links": {"self": {"href": "https://api.helpscout.net/v2/conversations/10"}}}),
            bytes_of({"id": "5f-chat", "preview": "a chat"}),
            b"no json",
            b"[]",
            b"{}",
            b"[" * 100_000,
        ],
    )
    def test_everything_else_is_left_alone(self, body: bytes) -> None:
        assert helpscout.parse(body) is None

    @pytest.mark.parametrize(
        "body",
        [
            conversation(thread(1, "secret words"), id="10/../9"),
            conversation(thread(1, "secret words"), primaryCustomer=None),
            conversation(thread(1, "secret words"), primaryCustomer={"id": "secret words"}),
            conversation(thread(1, "secret words", id="secret words")),
            conversation(thread(1, ["secret words"])),  # type: ignore[arg-type]
            {**conversation(), "_embedded": {"threads": "secret words"}},
        ],
    )
    def test_another_shape_is_refused_without_repeating_it(self, body: dict[str, Any]) -> None:
        with pytest.raises(BadInput) as refused:
            helpscout.parse(bytes_of(body))
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_a_secret_an_app_and_a_user() -> None:
    assert helpscout.check_credentials({**ACCESS, "user_id": 900}, URL) == ACCESS
    for given, url in (
        (ACCESS, None),
        ({}, URL),
        ({**ACCESS, "app_id": ""}, URL),
        ({**ACCESS, "user_id": "me"}, URL),
        ({**ACCESS, "team_id": "../5"}, URL),
        ({**ACCESS, "token": "app-secret\n"}, URL),
    ):
        with pytest.raises(BadInput) as refused:
            helpscout.check_credentials(given, url)
        assert "app-secret" not in refused.value.sentence
    with pytest.raises(BadInput, match="secret key"):
        helpscout.secrets_for(None)


ASSIGN = {"path": "/assignTo", "op": "replace", "value": 45}


@pytest.mark.parametrize(
    ("action", "payload", "method", "path", "body"),
    [
        (
            "reply",
            {"text": "a < b\nc", **TO},
            "POST",
            "/reply",
            {"text": "a &lt; b<br>c", "user": 900, "customer": {"id": 77}},
        ),
        ("note", {"text": "Grüße"}, "POST", "/notes", {"text": "Grüße", "user": 900}),
        ("hand_off", {}, "PATCH", "", ASSIGN),
    ],
)
def test_a_delivery_is_a_reply_a_note_or_a_change_by_an_access_token(
    action: str, payload: dict[str, Any], method: str, path: str, body: dict[str, Any]
) -> None:
    connection = Connection(url=f"{URL}/", credentials=ACCESS)
    call = helpscout.call(connection, Delivery(action=action, payload={"ticket_id": "9", **payload}), NOW)
    assert (call.method, call.url) == (method, f"{URL}/v2/conversations/9{path}")
    assert json.loads(call.body) == body
    assert call.client == ClientCredentials(f"{URL}/v2/oauth2/token", "app-id", "app-secret")
    assert "authorization" not in call.headers
    assert "app-secret" not in repr(call)


def test_without_a_team_a_conversation_is_handed_over_to_nobody() -> None:
    connection = Connection(url=URL, credentials={**ACCESS, "team_id": None})
    call = helpscout.call(connection, Delivery(action="hand_off", payload={"ticket_id": "9"}), NOW)
    assert json.loads(call.body) == {"path": "/assignTo", "op": "remove"}


def test_samples_are_what_help_scout_would_send_and_not_one_message() -> None:
    first, second = (helpscout.sample([SECRET], number, NOW) for number in (5, 6))
    names = {helpscout.verify(sample.body, sample.headers, [SECRET], NOW) for sample in (first, second)}
    assert names == {"thread:5", "thread:6"}
    heard = helpscout.parse(first.body)
    assert isinstance(heard, Heard)
    assert heard.ticket_id == helpscout.TEST_TICKET == helpscout.ticket_of(first.body)
