"""A whole Slack thread: messages in, answers and notes out, colleagues who step in, our own words, and refusals."""

from collections.abc import Iterator

import pytest

from agent.office import Office
from tests.slack import ACCESS, SAM, SUPPORT, Slack, posted, ts_of
from tests.vendor import ON_SQLITE
from tests.workers.channels import connect, outcomes, owner, read, send, serving, set_mode

pytestmark = ON_SQLITE

CARD = "my new card still hasn't come"
NOTES = ACCESS["notes_channel"]


@pytest.fixture
def slack() -> Iterator[Slack]:
    """A Slack of our own on a free port."""
    with serving(Slack()) as server:
        yield server


@pytest.fixture
def connection(office: Office, slack: Slack) -> str:
    """The demo desk's Slack."""
    return connect(office, "slack", slack.url, dict(ACCESS))


def test_a_message_is_answered_in_its_thread_and_our_own_words_are_not_heard(
    office: Office, connection: str, slack: Slack
) -> None:
    assert read(office, connection, posted(1, CARD)).status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    (where, thread, labels), (channel, answered, reply) = slack.done
    assert (where, thread, channel, answered) == (NOTES, None, SUPPORT, ts_of(1))
    assert "topic: " in labels
    assert f"/archives/{SUPPORT}/p1355517523000001" in labels
    ours = read(office, connection, posted(2, reply, "U0BOT", 1, bot_id="B0BOT"))
    assert (ours.status, owner(office), outcomes(office)) == ("ignored", "bot", ["answered"])
    assert read(office, connection, posted(3, CARD, thread=1)).status == "handled"
    assert (outcomes(office), slack.refused) == (["answered", "answered"], [])


def test_a_colleague_who_writes_in_the_thread_is_not_interrupted(office: Office, connection: str, slack: Slack) -> None:
    read(office, connection, posted(1, CARD))
    assert read(office, connection, posted(2, "Sam here.", SAM, 1)).status == "handled"
    assert [(row.action, row.status) for row in send(office)] == [("note", "sent"), ("reply", "skipped")]
    read(office, connection, posted(3, "thanks Sam", thread=1))
    assert outcomes(office) == ["answered", "silent"]


@pytest.mark.parametrize("mode", ["answer", "draft"])
def test_what_colleagues_say_among_themselves_is_no_question(
    office: Office, connection: str, slack: Slack, mode: str
) -> None:
    set_mode(office, mode)
    assert read(office, connection, posted(1, CARD, SAM, channel=NOTES)).status == "ignored"
    assert (send(office), outcomes(office), slack.done) == ([], [], [])


def test_a_request_for_a_human_is_told_to_the_colleagues(office: Office, connection: str, slack: Slack) -> None:
    read(office, connection, posted(1, "get me a human please"))
    send(office)
    (channel, *_), (notes, _, note), (_, _, call) = slack.done[-3:]
    assert (channel, notes) == (SUPPORT, NOTES)
    assert "asked for a human" in note
    assert call.endswith(f"/archives/{SUPPORT}/p1355517523000001\nA human is needed here.")
    read(office, connection, posted(2, "hello?", thread=1))
    assert (owner(office), outcomes(office), slack.refused) == ("human", ["escalated", "silent"], [])


def test_without_a_channel_for_notes_they_are_skipped_and_say_so(office: Office, slack: Slack) -> None:
    connection = connect(office, "slack", slack.url, {**ACCESS, "notes_channel": None})
    read(office, connection, posted(1, "get me a human please"))
    rows = send(office)
    assert {row.status for row in rows if row.action != "reply"} == {"skipped"}
    assert {row.error for row in rows} == {None, "The connection has nowhere to send this to."}
    assert [channel for channel, *_ in slack.done] == [SUPPORT]


def test_what_slack_refuses_by_200_is_tried_again(office: Office, connection: str, slack: Slack) -> None:
    slack.channels.remove(SUPPORT)
    read(office, connection, posted(1, CARD))
    [row] = [row for row in send(office) if row.action == "reply"]
    assert (row.status, row.answer_status, row.error) == ("queued", 200, "Slack answered not_in_channel.")
    slack.channels.add(SUPPORT)
    assert {row.status for row in send(office)} == {"sent"}
    slack.answers = [(429, {"retry-after": "3000"})]
    read(office, connection, posted(2, CARD, thread=1))
    limited = [row for row in send(office) if row.status == "queued"]
    assert [(row.answer_status, row.error) for row in limited] == [(429, "The helpdesk answered 429.")]


@pytest.mark.parametrize(
    ("mode", "channels"),
    [("draft", [NOTES, NOTES]), ("label", [NOTES]), ("watch", [])],
    ids=["draft", "label", "watch"],
)
def test_the_other_modes_say_nothing_to_the_customer(
    office: Office, connection: str, slack: Slack, mode: str, channels: list[str]
) -> None:
    set_mode(office, mode)
    read(office, connection, posted(1, CARD))
    send(office)
    assert [channel for channel, *_ in slack.done] == channels
