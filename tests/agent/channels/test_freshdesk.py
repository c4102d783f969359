"""Freshdesk's rules: who may post, that the guide's template is read, and what its API is sent."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.channels import freshdesk
from agent.channels.channel import Heard, TakenOver
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery
from tests.freshdesk import ACCESS, posted
from tests.vendor import bytes_of

NOW = datetime.now(UTC)
URL = "https://shop.freshdesk.com"
SECRET = "a-secret-of-our-own"
BODY = bytes_of(posted("customer", "hi"))


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class TestVerify:
    """A secret of ours, by Basic authentication or by a header; several at once, never none."""

    def test_a_body_is_named_by_its_digest_however_the_secret_comes(self) -> None:
        ways = (basic("anybody", SECRET), basic("", SECRET), {"x-frostdesk-secret": SECRET})
        named = {freshdesk.verify(BODY, way, secrets, NOW) for way in ways for secrets in ([SECRET], ["new", SECRET])}
        [name] = named
        assert name != freshdesk.verify(bytes_of(posted("customer", "ho")), ways[0], [SECRET], NOW)

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            basic("anybody", "another-secret-of-ours"),
            basic(SECRET, ""),
            {"authorization": f"Bearer {base64.b64encode(f':{SECRET}'.encode()).decode()}"},
            {"authorization": f"Basic {SECRET}"},
            {"authorization": "Basic \u00fc"},
            {"x-frostdesk-secret": SECRET[:-1]},
            {"x-frostdesk-secret": "\u00fc"},
        ],
    )
    def test_without_the_secret_nothing_is_taken(self, headers: dict[str, str]) -> None:
        with pytest.raises(NotSignedIn):
            freshdesk.verify(BODY, headers, [SECRET], NOW)

    def test_without_any_secret_nothing_is_taken(self) -> None:
        with pytest.raises(NotSignedIn):
            freshdesk.verify(BODY, basic("anybody", SECRET), [], NOW)


class TestParse:
    """The template that the guide publishes is what is read."""

    def test_a_customers_comment_is_heard_without_the_name_before_it(self) -> None:
        for comment in ("Jane : it\0 does not work", "<div>it does&nbsp;not work</div>"):
            assert freshdesk.parse(bytes_of(posted("customer", comment))) == Heard("5158", "it does not work")
        assert freshdesk.ticket_of(BODY) == "5158"

    def test_a_new_ticket_is_heard_by_its_subject_and_description(self) -> None:
        assert freshdesk.parse(bytes_of(posted("customer", ""))) == Heard("5158", "Card\n\nIt is lost")
        assert freshdesk.parse(bytes_of(posted("customer", "", **{"ticket.description": " "}))) is None

    def test_an_agents_reply_means_that_they_have_it(self) -> None:
        assert freshdesk.parse(bytes_of(posted("agent", "Sam : on it"))) == TakenOver("5158")

    @pytest.mark.parametrize(
        "body",
        [
            bytes_of({**posted("customer", "secret words"), "by": "secret words"}),
            bytes_of({**posted("customer", "secret words"), "ticket_id": "5158/../9"}),
            bytes_of({**posted("customer", "secret words"), "comment": ["secret words"]}),
            b'{"by": "customer", "comment": "secret words "quoted""}',
            b"[]",
            b"{}",
            b"[" * 100_000,
        ],
    )
    def test_another_shape_is_refused_without_repeating_it(self, body: bytes) -> None:
        with pytest.raises(BadInput) as refused:
            freshdesk.parse(body)
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_and_a_key() -> None:
    assert freshdesk.check_credentials({**ACCESS, "group_id": 45}, URL) == ACCESS
    for given, url in ((ACCESS, None), ({}, URL), ({**ACCESS, "group_id": "../5"}, URL), ({"token": "api-key\n"}, URL)):
        with pytest.raises(BadInput) as refused:
            freshdesk.check_credentials(given, url)
        assert "api-key" not in refused.value.sentence


def test_a_secret_is_made_or_long_enough() -> None:
    assert freshdesk.secrets_for(SECRET) == [SECRET]
    [first], [second] = freshdesk.secrets_for(None), freshdesk.secrets_for(None)
    assert first != second
    assert freshdesk.secrets_for(first) == [first]
    for weak in ("short", "sixteen or more, but spaces", "geheim-für-freshdesk"):
        with pytest.raises(BadInput) as refused:
            freshdesk.secrets_for(weak)
        assert weak not in refused.value.sentence


@pytest.mark.parametrize(
    ("action", "payload", "method", "path", "body"),
    [
        ("reply", {"text": "a < b\nc"}, "POST", "/reply", {"body": "a &lt; b<br>c"}),
        ("note", {"text": "Grüße"}, "POST", "/notes", {"body": "Grüße", "private": True}),
        ("hand_off", {}, "PUT", "", {"status": 2, "group_id": 45}),
    ],
)
def test_a_delivery_is_a_reply_a_note_or_a_change(
    action: str, payload: dict[str, Any], method: str, path: str, body: dict[str, Any]
) -> None:
    connection = Connection(url=f"{URL}/", credentials=ACCESS)
    call = freshdesk.call(connection, Delivery(action=action, payload={"ticket_id": "9", **payload}), NOW)
    assert (call.method, call.url) == (method, f"{URL}/api/v2/tickets/9{path}")
    assert call.headers["authorization"] == basic("api-key", "X")["authorization"]
    assert json.loads(call.body) == body


def test_without_a_group_a_ticket_stays_in_its_own() -> None:
    connection = Connection(url=URL, credentials={**ACCESS, "group_id": None})
    call = freshdesk.call(connection, Delivery(action="hand_off", payload={"ticket_id": "9"}), NOW)
    assert json.loads(call.body) == {"status": 2}


def test_samples_are_what_a_rule_would_send_and_not_one_message() -> None:
    first, second = (freshdesk.sample([SECRET], number, NOW) for number in (5, 6))
    names = {freshdesk.verify(sample.body, sample.headers, [SECRET], NOW) for sample in (first, second)}
    assert len(names) == 2
    heard = freshdesk.parse(first.body)
    assert isinstance(heard, Heard)
    assert heard.ticket_id == freshdesk.TEST_TICKET == freshdesk.ticket_of(first.body)
