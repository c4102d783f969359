"""Slack's events: who may post them, which are read, what is answered at once, and what its API is sent and says."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.channels import slack
from agent.channels.channel import Call, Heard, TakenOver
from agent.errors import BadInput, NotSignedIn
from agent.tables import Connection, Delivery
from tests.slack import ACCESS, CUSTOMER, SAM, SUPPORT, posted, signed, ts_of
from tests.vendor import FOLDER, bytes_of

NOW = datetime.now(UTC)
URL = "https://slack.com"
SECRET = "signing-secret"
BODY = bytes_of(posted(1, "hi"))
TICKET = f"{SUPPORT}:{ts_of(1)}"


class TestVerify:
    """Raw bytes, a window of five minutes, several secrets, never unsigned."""

    def test_an_event_is_named_by_its_id_however_often_it_is_posted(self) -> None:
        for secrets in ([SECRET], ["new", SECRET]):
            for more in ({}, {"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}):
                assert slack.verify(BODY, {**signed(BODY, SECRET, NOW), **more}, secrets, NOW) == "Ev1"
        assert slack.verify(b"{}", signed(b"{}", SECRET, NOW), [SECRET], NOW).startswith("body:")

    def test_a_flipped_byte_another_secret_or_time_is_refused(self) -> None:
        good = signed(BODY, SECRET, NOW)
        for changed, headers in (
            (BODY.replace(b"hi", b"ho"), good),
            (BODY, signed(BODY, "other", NOW)),
            (BODY, signed(BODY, SECRET, NOW - timedelta(minutes=6))),
            (BODY, signed(BODY, SECRET, NOW + timedelta(minutes=6))),
            (BODY, {**good, "x-slack-request-timestamp": "soon"}),
            (BODY, {**good, "x-slack-signature": good["x-slack-signature"].removeprefix("v0=")}),
            (BODY, {**good, "x-slack-signature": "\u00fc"}),
            (BODY, {"x-slack-signature": good["x-slack-signature"]}),
            (BODY, {}),
        ):
            with pytest.raises(NotSignedIn):
                slack.verify(changed, headers, [SECRET], NOW)
        with pytest.raises(NotSignedIn):
            slack.verify(BODY, good, [], NOW)

    @pytest.mark.skipif(not FOLDER.is_dir(), reason="the folder with the reference vectors is not there")
    def test_the_reference_vector(self) -> None:
        vector = json.loads((FOLDER / "signature_vectors.json").read_text(encoding="utf-8"))["slack"]
        headers = {name.lower(): value for name, value in vector["headers"].items()}
        at, body = datetime.fromtimestamp(vector["frozen_unix_time"], UTC), vector["body"].encode()
        assert slack.verify(body, headers, [vector["secret"]], at) == "Ev0LAN670R"
        said = Heard("D024BE91L:1355517523.000005", "Where is my card?", place="D024BE91L")
        assert slack.parse(body) == said


def test_only_the_question_is_answered() -> None:
    question = {"type": "url_verification", "challenge": "c1", "token": "old"}
    assert slack.challenge(bytes_of(question), {}) == {"challenge": "c1"}
    for body in (bytes_of({**question, "challenge": 5}), bytes_of({**question, "type": "event_callback"}), b"no json"):
        assert slack.challenge(body, {}) is None


class TestParse:
    """Only a customer's words are answered, and who begins a thread is its customer."""

    def test_a_customers_message_is_heard_as_plain_text_and_its_thread_is_the_ticket(self) -> None:
        text = "<@U0BOT> is 1 &lt; 2\0 &amp;nbsp; on <https://shop.example/a|the shop>, <https://b.example>? <!here>"
        body = bytes_of(posted(1, text))
        said = "is 1 < 2 &nbsp; on the shop, https://b.example?"
        assert slack.parse(body) == Heard(TICKET, said, place=SUPPORT)
        assert slack.ticket_of(body) == TICKET
        later = bytes_of(posted(2, "and now?", thread=1))
        assert slack.parse(later) == Heard(TICKET, "and now?", place=SUPPORT)
        assert slack.ticket_of(later) == TICKET

    def test_anybody_else_in_the_thread_has_it(self) -> None:
        assert slack.parse(bytes_of(posted(2, "on it", SAM, 1))) == TakenOver(TICKET, SAM)
        unknown = posted(2, "on it", CUSTOMER, 1, parent_user_id=None)
        assert slack.parse(bytes_of(unknown)) == TakenOver(TICKET, CUSTOMER)

    def test_with_the_app_alone_there_is_nobody_else(self) -> None:
        alone = posted(2, "and now?", thread=1, channel="D1JANE", channel_type="im", parent_user_id="U0BOT")
        assert slack.parse(bytes_of(alone)) == Heard(f"D1JANE:{ts_of(1)}", "and now?", place="D1JANE")

    @pytest.mark.parametrize(
        "body",
        [
            bytes_of(posted(1, "beep", bot_id="B1")),
            bytes_of(posted(1, "beep", "USLACKBOT")),
            bytes_of(posted(1, "edited", subtype="message_changed")),
            bytes_of(posted(1, "a file", subtype="file_share")),
            bytes_of(posted(1, "beep", user=None)),  # type: ignore[arg-type]
            bytes_of(posted(1, None)),
            bytes_of(posted(1, "<@U0BOT> ")),
            bytes_of(posted(1, "hi", type="app_mention")),
            bytes_of({**posted(1, "hi"), "type": "app_rate_limited"}),
            bytes_of({"type": "url_verification", "challenge": "c1"}),
            bytes_of({"type": "event_callback", "event": "message"}),
            b"no json",
            b"[]",
            b"{}",
            b"[" * 100_000,
        ],
    )
    def test_everything_else_is_left_alone(self, body: bytes) -> None:
        assert slack.parse(body) is None

    @pytest.mark.parametrize(
        "changed",
        [
            {"channel": "C1/../C2"},
            {"channel": None},
            {"ts": "secret words"},
            {"thread_ts": "1:2"},
            {"text": ["secret words"]},
            {"user": {"name": "secret words"}},
        ],
    )
    def test_another_shape_is_refused_without_repeating_it(self, changed: dict[str, Any]) -> None:
        body = posted(1, "secret words")
        body["event"] |= changed
        with pytest.raises(BadInput) as refused:
            slack.parse(bytes_of(body))
        assert "secret words" not in refused.value.sentence


def test_a_connection_needs_an_address_a_secret_and_a_token() -> None:
    assert slack.check_credentials(ACCESS, URL) == ACCESS
    assert slack.check_credentials({"token": "xoxb-1"}, URL) == {"token": "xoxb-1", "notes_channel": None}
    for given, url in (
        (ACCESS, None),
        ({}, URL),
        ({**ACCESS, "notes_channel": "#notes"}, URL),
        ({"token": "xoxb-1\n"}, URL),
    ):
        with pytest.raises(BadInput) as refused:
            slack.check_credentials(given, url)
        assert "xoxb-1" not in refused.value.sentence
    with pytest.raises(BadInput, match="signing secret"):
        slack.secrets_for(None)


LINK = f"{URL}/archives/{SUPPORT}/p1355517523000001"
NOTES = ACCESS["notes_channel"]


def spelt(action: str, payload: dict[str, Any], access: dict[str, str | None]) -> Call:
    connection = Connection(url=f"{URL}/", credentials=access)
    return slack.call(connection, Delivery(action=action, payload={"ticket_id": TICKET, **payload}), NOW)


@pytest.mark.parametrize(
    ("action", "payload", "sent"),
    [
        ("reply", {"text": "a < b\nc"}, {"channel": SUPPORT, "thread_ts": ts_of(1), "text": "a &lt; b\nc"}),
        ("note", {"text": "<!channel> Grüße"}, {"channel": NOTES, "text": f"{LINK}\n&lt;!channel&gt; Grüße"}),
        ("hand_off", {}, {"channel": NOTES, "text": f"{LINK}\nA human is needed here."}),
    ],
)
def test_a_delivery_is_a_message_in_the_thread_or_among_the_colleagues(
    action: str, payload: dict[str, Any], sent: dict[str, str]
) -> None:
    call = spelt(action, payload, dict(ACCESS))
    assert call is not None
    assert (call.method, call.url) == ("POST", f"{URL}/api/chat.postMessage")
    assert call.headers["authorization"] == "Bearer xoxb-1"
    assert json.loads(call.body) == {**sent, "mrkdwn": False}


def test_without_a_channel_for_notes_only_replies_are_sent() -> None:
    alone: dict[str, str | None] = {"token": "xoxb-1", "notes_channel": None}
    assert spelt("reply", {"text": "hi"}, alone).url.endswith("/api/chat.postMessage")
    for action in ("note", "hand_off"):
        with pytest.raises(BadInput, match="nowhere to send this"):
            spelt(action, {"text": "hi"}, alone)


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (b'{"ok": true, "ts": "1.2"}', None),
        (b'{"ok": false, "error": "not_in_channel"}', "Slack answered not_in_channel."),
        (b'{"ok": false, "error": "<script>"}', "Slack answered nothing that can be read."),
        (b'{"ok": "yes"}', "Slack answered nothing that can be read."),
        (b"<html>", "Slack answered nothing that can be read."),
        (b"", "Slack answered nothing that can be read."),
    ],
)
def test_an_answer_says_whether_it_was_done(answer: bytes, refusal: str | None) -> None:
    assert slack.refusal(answer) == refusal


def test_a_sample_is_what_slack_would_send() -> None:
    sample = slack.sample([SECRET], 5, NOW)
    assert slack.verify(sample.body, sample.headers, [SECRET], NOW) == "test-5"
    heard = slack.parse(sample.body)
    assert isinstance(heard, Heard)
    assert heard.ticket_id == slack.TEST_TICKET == slack.ticket_of(sample.body)
