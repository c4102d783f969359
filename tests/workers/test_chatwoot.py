"""A whole Chatwoot conversation: events in, replies, notes and hand-overs in its API, and humans who step in."""

import json
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from agent.channels import chatwoot as channel
from agent.conversations import find_conversation
from agent.office import Office
from agent.tables import Connection, Conversation, Escalation, Turn, utc_now
from tests.chatwoot import ACCOUNT, SECRET, TOKEN, Chatwoot, message
from tests.workers.channels import connect, owner, read, send, serving, set_mode


@pytest.fixture
def chatwoot() -> Iterator[Chatwoot]:
    """A Chatwoot of our own on a free port."""
    with serving(Chatwoot()) as server:
        yield server


@pytest.fixture
def connection(office: Office, chatwoot: Chatwoot) -> str:
    """The demo desk's Chatwoot."""
    return connect(office, "chatwoot", chatwoot.url, {"account_id": ACCOUNT, "token": TOKEN})


def said(chatwoot: Chatwoot) -> list[tuple[str, str | None]]:
    """What the bot did: (reply, note or hand_off, text)."""
    return [
        ("hand_off", body["status"])
        if what == "toggle_status"
        else ("note" if body["private"] else "reply", body["content"])
        for _, what, body in chatwoot.done
    ]


def test_a_customers_message_is_labelled_and_answered_in_its_conversation(
    office: Office, connection: str, chatwoot: Chatwoot
) -> None:
    event = read(office, connection, message(1, "my new card still hasn't come"))
    assert event.status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    (labels, reply) = said(chatwoot)
    assert labels[0] == "note"
    assert "topic: " in str(labels[1])
    with office.database.reading() as session:
        turn = session.get_one(Turn, event.turn_id)
        conversation = session.get_one(Conversation, turn.conversation_id)
    assert (conversation.channel, conversation.external_id) == ("chatwoot", "13098")
    assert reply[0] == "reply"
    assert turn.outcome == "answered"
    assert {number for number, _, _ in chatwoot.done} == {"13098"}
    assert chatwoot.refused == []
    send(office)
    assert len(chatwoot.done) == 2, "what was sent is not sent again"


def test_a_request_for_a_human_is_handed_over_and_taken_back_when_chatwoot_says_so(
    office: Office, connection: str, chatwoot: Chatwoot
) -> None:
    read(office, connection, message(1, "get me a human please"))
    assert owner(office) == "human"
    event = read(office, connection, message(2, "hello?"))
    assert event.status == "handled"
    assert owner(office) == "human", "pending only because the hand-over has not arrived"
    send(office)
    assert [action for action, _ in said(chatwoot)][-3:] == ["reply", "note", "hand_off"]
    assert said(chatwoot)[-1] == ("hand_off", "open")
    read(office, connection, message(3, "are you there", status="open"))
    assert owner(office) == "human"
    before = len(chatwoot.done)
    event = read(office, connection, message(4, "how do I change my PIN"))
    assert owner(office) == "bot", "a human set it back to pending"
    with office.database.reading() as session:
        assert session.scalars(select(Escalation.status)).all() == ["given_back"]
        assert session.get_one(Turn, event.turn_id).outcome == "answered"
    send(office)
    assert said(chatwoot)[before:][-1][0] == "reply"


def test_a_human_who_answers_first_is_not_interrupted(office: Office, connection: str, chatwoot: Chatwoot) -> None:
    read(office, connection, message(1, "my new card still hasn't come"))
    human = message(2, "Hi, Sam here.", message_type="outgoing", sender={"id": 9, "type": "user"})
    assert read(office, connection, human).status == "handled"
    assert [(row.action, row.status) for row in send(office)] == [("note", "sent"), ("reply", "skipped")]
    assert [action for action, _ in said(chatwoot)] == ["note"]
    event = read(office, connection, message(3, "thank you Sam"))
    with office.database.reading() as session:
        assert session.get_one(Turn, event.turn_id).outcome == "silent"


@pytest.mark.parametrize(("mode", "actions"), [("draft", ["note", "note"]), ("label", ["note"]), ("watch", [])])
def test_the_other_modes_say_nothing_to_the_customer(
    office: Office, connection: str, chatwoot: Chatwoot, mode: str, actions: list[str]
) -> None:
    set_mode(office, mode)
    read(office, connection, message(1, "my new card still hasn't come"))
    send(office)
    assert [action for action, _ in said(chatwoot)] == actions
    with office.database.reading() as session:
        turn = session.scalars(select(Turn)).one()
        assert find_conversation(session, turn.desk_id, turn.conversation_id).owner == "bot"


def test_in_draft_whoever_has_the_conversation_gets_drafts(office: Office, connection: str, chatwoot: Chatwoot) -> None:
    set_mode(office, "draft")
    read(office, connection, message(1, "get me a human please"))
    human = message(2, "Sam here.", message_type="outgoing", sender={"id": 9, "type": "user"})
    read(office, connection, human)
    read(office, connection, message(3, "my new card still hasn't come", status="open"))
    send(office)
    assert said(chatwoot)[-1][0] == "note"
    assert "Suggested answer" in str(said(chatwoot)[-1][1])


def test_a_helpdesk_that_asks_for_time_gets_it(office: Office, connection: str, chatwoot: Chatwoot) -> None:
    set_mode(office, "label")
    read(office, connection, message(1, "my new card still hasn't come"))
    chatwoot.answers = [(429, {"retry-after": "7200"})]
    [row] = send(office)
    assert (row.status, row.answer_status) == ("queued", 429)
    assert 7100 < (row.due_at - utc_now()).total_seconds() <= 7200
    chatwoot.answers = [(503, {"retry-after": "soon"})]
    [row] = send(office)
    assert (row.due_at - utc_now()).total_seconds() < 60
    assert send(office)[0].status == "sent"


def test_a_sample_is_read_and_nothing_is_sent_for_it(office: Office, connection: str, chatwoot: Chatwoot) -> None:
    sample = channel.sample([SECRET], 1, utc_now())
    read(office, connection, json.loads(sample.body))
    rows = send(office)
    assert rows
    assert {(row.status, row.error) for row in rows} == {("skipped", "A test: nothing is sent.")}
    assert chatwoot.done == []


def test_what_a_bot_of_another_account_tries_is_visible(office: Office, connection: str, chatwoot: Chatwoot) -> None:
    with office.database.writing() as session:
        session.execute(update(Connection).values(credentials={"account_id": ACCOUNT, "token": "revoked"}))
    read(office, connection, message(1, "my new card still hasn't come"))
    assert {(row.status, row.error) for row in send(office)} == {("queued", "The helpdesk answered 401.")}
    assert chatwoot.refused == ["the token is not the bot's"] * 2
