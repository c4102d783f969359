"""A whole HubSpot thread: messages fetched and answered, users who step in, and a HubSpot that is away."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from agent.office import Office
from agent.tables import InboundEvent, utc_now
from tests.hubspot import MAIL, HubSpot, assigned, event
from tests.vendor import ON_SQLITE
from tests.workers.channels import connect, outcomes, owner, read, send, serving, set_mode
from workers import calls
from workers.events import MOST_ATTEMPTS, run_event

pytestmark = ON_SQLITE

CARD = "my new card still hasn't come"
CREDENTIALS = {"token": "pat-na1-token", "user_id": "900"}


@pytest.fixture
def hubspot() -> Iterator[HubSpot]:
    """A HubSpot of our own on a free port."""
    with serving(HubSpot()) as server:
        yield server


@pytest.fixture
def connection(office: Office, hubspot: HubSpot) -> str:
    """The demo desk's HubSpot."""
    return connect(office, "hubspot", hubspot.url, dict(CREDENTIALS))


def said(hubspot: HubSpot) -> list[Any]:
    """What was done, without what was only read."""
    return [step for step in hubspot.done if step[0] != "read"]


def test_a_message_is_fetched_and_answered_and_our_own_words_are_not_heard(
    office: Office, connection: str, hubspot: HubSpot
) -> None:
    sender = {"actorId": "V-41", "deliveryIdentifier": MAIL}
    first = hubspot.post(1, CARD, senders=[sender], subject="Card", channelId="1002")
    assert read(office, connection, first).status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    (note, labels), (kind, reply) = said(hubspot)
    assert (note, kind) == ("COMMENT", "MESSAGE")
    assert "topic: " in labels["text"]
    assert (reply["channelId"], reply["channelAccountId"], reply["subject"]) == ("1002", "14866", "Card")
    assert reply["recipients"] == [{"actorId": "V-41", "deliveryIdentifiers": [MAIL], "recipientField": "TO"}]
    ours = read(office, connection, hubspot.post(2, reply["text"], "A-900"))
    theirs = read(office, connection, hubspot.post(3, "a bot's", "L-5"))
    comment = read(office, connection, event(4, messageType="COMMENT"))
    assert [row.status for row in (ours, theirs, comment)] == ["ignored"] * 3
    assert (owner(office), outcomes(office), hubspot.refused) == ("bot", ["answered"], [])


def test_a_user_who_answers_first_is_not_interrupted(office: Office, connection: str, hubspot: HubSpot) -> None:
    read(office, connection, hubspot.post(1, CARD))
    assert read(office, connection, hubspot.post(2, "Sam here.", "A-77")).status == "handled"
    assert {row.action: row.status for row in send(office)} == {"note": "sent", "reply": "skipped"}
    read(office, connection, hubspot.post(3, "thanks Sam"))
    assert outcomes(office) == ["answered", "silent"]


def test_a_thread_that_is_assigned_to_a_user_is_theirs_and_one_of_the_bots_user_is_not(
    office: Office, connection: str, hubspot: HubSpot
) -> None:
    read(office, connection, hubspot.post(1, CARD))
    assert read(office, connection, assigned(2, "900")).status == "ignored"
    assert owner(office) == "bot"
    assert read(office, connection, assigned(3, "77")).status == "handled"
    assert owner(office) == "human"


def test_a_request_for_a_human_opens_the_thread_with_a_comment(
    office: Office, connection: str, hubspot: HubSpot
) -> None:
    read(office, connection, hubspot.post(1, "get me a human please"))
    send(office)
    (kind, note), (last, change) = said(hubspot)[-2:]
    assert (kind, last, change) == ("COMMENT", "thread", {"status": "OPEN"})
    assert "asked for a human" in note["text"]
    read(office, connection, hubspot.post(2, "hello?"))
    assert (owner(office), outcomes(office), hubspot.refused) == ("human", ["escalated", "silent"], [])


def test_drafts_are_comments(office: Office, connection: str, hubspot: HubSpot) -> None:
    set_mode(office, "draft")
    read(office, connection, hubspot.post(1, CARD))
    send(office)
    assert {kind for kind, _ in said(hubspot)} == {"COMMENT"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((503, {}), "answered 503"),
        ((302, {"location": "http://127.0.0.1:1/"}), "answered 302"),
        ((401, {}), "answered 401"),
        ((200, {"content-length": "99999"}), "cannot be asked"),
    ],
)
def test_an_event_waits_for_a_hubspot_that_is_away(
    office: Office, connection: str, hubspot: HubSpot, answer: tuple[int, dict[str, str]], why: str
) -> None:
    hubspot.answers = [answer]
    row = read(office, connection, hubspot.post(1, CARD))
    assert (row.status, row.attempt) == ("queued", 1)
    assert why in str(row.error)
    assert CARD not in str(row.error)
    later = read(office, connection, hubspot.post(2, "and what does it cost?"))
    assert (later.status, later.attempt) == ("queued", 0), "it waits for the one before it"
    again(office, row.id)
    again(office, later.id)
    with office.database.reading() as session:
        rows = [session.get_one(InboundEvent, name) for name in (row.id, later.id)]
    assert [(found.status, found.error) for found in rows] == [("handled", None)] * 2
    assert len(outcomes(office)) == 2


def test_a_message_that_never_comes_is_given_up_with_the_reason(
    office: Office, connection: str, hubspot: HubSpot
) -> None:
    row = read(office, connection, event(1))
    for _ in range(MOST_ATTEMPTS):
        again(office, row.id)
    with office.database.reading() as session:
        last = session.get_one(InboundEvent, row.id)
    assert last.status == "failed"
    assert last.error == "Given up after 5 attempts. The helpdesk answered 404 when asked for the message."


def test_a_long_answer_is_not_read_to_its_end(
    office: Office, connection: str, hubspot: HubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "LONGEST_ANSWER", 1000)
    row = read(office, connection, hubspot.post(1, "x" * 2000))
    assert (row.status, row.error) == ("queued", "The answer is too long to be read.")


def test_what_is_no_message_fails_at_once(office: Office, connection: str, hubspot: HubSpot) -> None:
    row = read(office, connection, hubspot.post(1, ["secret words"]))
    assert (row.status, "text" in str(row.error), "secret" in str(row.error)) == ("failed", True, False)
    bad = read(office, connection, event(2, messageId="../../crm"))
    assert (bad.status, bad.error) == (
        "failed",
        "Event field messageId: String should match pattern '^[A-Za-z0-9_-]+$'.",
    )


def test_a_private_address_is_asked_only_where_it_may_be(office: Office, connection: str, hubspot: HubSpot) -> None:
    row = read(office, connection, hubspot.post(1, CARD), private=False)
    assert (row.status, hubspot.done) == ("queued", [])
    assert "ConnectError" in str(row.error)


def again(office: Office, event_id: str) -> None:
    """Let a worker try once more, as it does when the lease is over."""
    with office.database.writing() as session:
        session.execute(update(InboundEvent).values(lease_until=utc_now() - timedelta(seconds=1)))
    run_event(office, event_id, private=True)
