"""Gorgias' HTTP integration: who may post, that the guide's template is read, and what its API is sent."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.channels import gorgias
from agent.channels.channel import Heard, TakenOver
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery
from tests.gorgias import ACCESS, CUSTOMER, SHOP, USER, posted
from tests.vendor import bytes_of

NOW = datetime.now(UTC)
URL = "https://shop.gorgias.com"
SECRET = "a-secret-of-our-own"
BODY = bytes_of(posted(104, "hi"))
BACK = {"channel": "email", "source": "email", "sender": SHOP, "to": CUSTOMER}


class TestVerify:
    """A secret of ours in a header; several at once, never none."""

    def test_a_body_is_named_by_its_message(self) -> None:
        for secrets in ([SECRET], ["new", SECRET]):
            assert gorgias.verify(BODY, {"x-frostdesk-secret": SECRET}, secrets, NOW) == "message:104"
        for body in (b"no json", b"{}", bytes_of({**posted(104, "hi"), "message_id": ""})):
            assert gorgias.verify(body, {"x-frostdesk-secret": SECRET}, [SECRET], NOW).startswith("body:")

    @pytest.mark.parametrize("shown", [None, "", "another-secret-of-ours", SECRET[:-1], "\u00fc"])
    def test_without_the_secret_nothing_is_taken(self, shown: str | None) -> None:
        headers = {} if shown is None else {"x-frostdesk-secret": shown}
        for secrets in ([SECRET], []):
            with pytest.raises(NotSignedIn):
                gorgias.verify(BODY, headers, secrets, NOW)


class TestParse:
    """The template that the guide publishes is what is read."""

    def test_a_customers_message_is_heard_with_the_way_back(self) -> None:
        assert gorgias.parse(bytes_of(posted(1, "it does\0 not work"))) == Heard(
            "5158", "it does not work", reply_to=BACK
        )
        assert gorgias.ticket_of(BODY) == "5158"

    def test_a_subject_is_read_once(self) -> None:
        for subject, text in (("Card", "Card\n\nlost"), ("Re: Card", "lost"), ("None", "lost"), ("", "lost")):
            heard = gorgias.parse(bytes_of(posted(1, "lost", message_subject=subject)))
            assert heard == Heard("5158", text, reply_to=BACK)

    def test_the_user_who_has_the_ticket_is_told_and_nobody_is_nobody(self) -> None:
        for assignee, told in ((7, "7"), ("", None), ("None", None), ("null", None)):
            heard = gorgias.parse(bytes_of(posted(1, "hi", ticket_assignee_user_id=assignee)))
            assert heard == Heard("5158", "hi", assignee=told, reply_to=BACK)

    def test_another_way_leads_back_the_same_way(self) -> None:
        body = posted(
            1,
            "hi",
            message_channel="whatsapp",
            message_source_type="whatsapp-message",
            message_source_from_address="+441",
            message_source_to_0__address="+442",
        )
        back = {"channel": "whatsapp", "source": "whatsapp-message", "sender": "+442", "to": "+441"}
        assert gorgias.parse(bytes_of(body)) == Heard("5158", "hi", reply_to=back)

    def test_a_users_message_means_that_they_have_it(self) -> None:
        assert gorgias.parse(bytes_of(posted(2, "on it", 7))) == TakenOver("5158", "7")
        assert gorgias.parse(bytes_of(posted(2, "on it", 7, message_sender_id=""))) == TakenOver("5158")

    @pytest.mark.parametrize(
        "body",
        [
            posted(1, "look", 7, message_channel="internal-note"),
            posted(1, "we have your request", 7, message_rule_id=12),
            posted(1, " \n "),
            posted(1, "", message_id="", message_from_agent="", message_source_from_address=""),
        ],
    )
    def test_everything_else_is_left_alone(self, body: dict[str, Any]) -> None:
        assert gorgias.parse(bytes_of(body)) is None

    @pytest.mark.parametrize(
        "body",
        [
            bytes_of(posted(1, "secret words", message_from_agent="secret words")),
            bytes_of(posted(1, "secret words", ticket_id="5158/../9")),
            bytes_of(posted(1, "secret words", message_source_from_address="")),
            bytes_of(posted(1, "secret words", message_source_to_0__address="")),
            bytes_of({**posted(1, ""), "text": ["secret words"]}),
            b'{"message_id": "1", "text": "secret words "quoted""}',
            b"[]",
            b"{}",
            b"[" * 100_000,
        ],
    )
    def test_another_shape_is_refused_without_repeating_it(self, body: bytes) -> None:
        with pytest.raises(BadInput) as refused:
            gorgias.parse(body)
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_and_a_user() -> None:
    assert gorgias.check_credentials({**ACCESS, "user_id": 900}, URL) == ACCESS
    for given, url in (
        (ACCESS, None),
        ({}, URL),
        ({**ACCESS, "email": "bot"}, URL),
        ({**ACCESS, "user_id": "me"}, URL),
        ({**ACCESS, "team_id": "../5"}, URL),
        ({**ACCESS, "token": "api-key\n"}, URL),
    ):
        with pytest.raises(BadInput) as refused:
            gorgias.check_credentials(given, url)
        assert "api-key" not in refused.value.sentence


def test_a_secret_is_made_or_long_enough() -> None:
    assert gorgias.secrets_for(SECRET) == [SECRET]
    [made] = gorgias.secrets_for(None)
    assert gorgias.secrets_for(made) == [made]
    with pytest.raises(BadInput, match="for Gorgias"):
        gorgias.secrets_for("short")


OURS = {"from_agent": True, "via": "api", "sender": {"id": 900}}
SOURCE = {"type": "email", "from": {"address": SHOP}, "to": [{"address": CUSTOMER}]}


@pytest.mark.parametrize(
    ("action", "payload", "method", "path", "body"),
    [
        (
            "reply",
            {"text": "a < b\nc", **BACK},
            "POST",
            "/messages",
            {**OURS, "channel": "email", "source": SOURCE, "body_text": "a < b\nc", "body_html": "a &lt; b<br>c"},
        ),
        (
            "note",
            {"text": "Grüße"},
            "POST",
            "/messages",
            {**OURS, "channel": "internal-note", "body_text": "Grüße", "body_html": "Grüße"},
        ),
        (
            "label",
            {"labels": {"topic": "cards", "tone": "calm"}},
            "POST",
            "/tags",
            {"names": ["topic_cards", "tone_calm"]},
        ),
        ("hand_off", {}, "PUT", "", {"status": "open", "assignee_user": None, "assignee_team": {"id": 45}}),
    ],
)
def test_a_delivery_is_a_message_tags_or_a_change(
    action: str, payload: dict[str, Any], method: str, path: str, body: dict[str, Any]
) -> None:
    connection = Connection(url=f"{URL}/", credentials=ACCESS)
    call = gorgias.call(connection, Delivery(action=action, payload={"ticket_id": "9", **payload}), NOW)
    assert (call.method, call.url) == (method, f"{URL}/api/tickets/9{path}")
    assert call.headers["authorization"] == USER
    assert json.loads(call.body) == body


def test_without_a_team_a_ticket_stays_in_its_own() -> None:
    connection = Connection(url=URL, credentials={**ACCESS, "team_id": None})
    call = gorgias.call(connection, Delivery(action="hand_off", payload={"ticket_id": "9"}), NOW)
    assert json.loads(call.body) == {"status": "open", "assignee_user": None}


def test_samples_are_what_the_integration_would_send_and_not_one_message() -> None:
    first, second = (gorgias.sample([SECRET], number, NOW) for number in (5, 6))
    names = {gorgias.verify(sample.body, sample.headers, [SECRET], NOW) for sample in (first, second)}
    assert names == {"message:5", "message:6"}
    assert set(json.loads(first.body)) <= set(posted(1, "hi"))
    heard = gorgias.parse(first.body)
    assert isinstance(heard, Heard)
    assert heard.ticket_id == gorgias.TEST_TICKET == gorgias.ticket_of(first.body)
