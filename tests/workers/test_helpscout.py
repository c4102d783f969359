"""A whole Help Scout conversation: messages in, replies, notes and changes out, and users who step in."""

from collections.abc import Iterator

import pytest

from agent.office import Office
from tests.helpscout import ACCESS, HelpScout, conversation, thread
from tests.vendor import ON_SQLITE
from tests.workers.channels import connect, outcomes, owner, read, send, serving, set_mode

pytestmark = ON_SQLITE

CARD = thread(1, "<p>my new card still hasn't come</p>")
BOT = int(ACCESS["user_id"])


@pytest.fixture
def helpscout() -> Iterator[HelpScout]:
    """A Help Scout of our own on a free port."""
    with serving(HelpScout()) as server:
        yield server


@pytest.fixture
def connection(office: Office, helpscout: HelpScout) -> str:
    """The demo desk's Help Scout."""
    return connect(office, "helpscout", helpscout.url, dict(ACCESS))


def test_a_message_is_labelled_by_a_note_and_answered_and_our_own_words_are_not_heard(
    office: Office, connection: str, helpscout: HelpScout
) -> None:
    assert read(office, connection, conversation(CARD)).status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    (where, labels), (path, reply) = helpscout.done
    assert (where, path) == ("/notes", "/reply")
    assert "topic: " in labels["text"]
    assert (reply["customer"], reply["user"]) == ({"id": 77}, BOT)
    ours = read(office, connection, conversation(CARD, thread(2, reply["text"], "user", BOT)))
    assert (ours.status, owner(office), outcomes(office)) == ("ignored", "bot", ["answered"])
    assert (helpscout.refused, helpscout.tokens) == ([], 1)


def test_a_user_who_answers_first_is_not_interrupted(office: Office, connection: str, helpscout: HelpScout) -> None:
    read(office, connection, conversation(CARD))
    sam = thread(2, "Sam here.", "user", 7)
    assert read(office, connection, conversation(CARD, sam)).status == "handled"
    assert [(row.action, row.status) for row in send(office)] == [("note", "sent"), ("reply", "skipped")]
    read(office, connection, conversation(CARD, sam, thread(3, "thanks Sam")))
    assert outcomes(office) == ["answered", "silent"]


def test_a_users_conversation_is_not_answered(office: Office, connection: str, helpscout: HelpScout) -> None:
    assert read(office, connection, conversation(CARD, assignee={"id": 7, "type": "user"})).status == "handled"
    assert (send(office), outcomes(office), helpscout.done) == ([], [], [])


def test_a_request_for_a_human_goes_to_the_team_and_comes_back_by_its_assignee(
    office: Office, connection: str, helpscout: HelpScout
) -> None:
    please = thread(1, "get me a human please")
    read(office, connection, conversation(please))
    send(office)
    (where, note), (path, change) = helpscout.done[-2:]
    assert (where, path) == ("/notes", "")
    assert "asked for a human" in note["text"]
    assert change == {"path": "/assignTo", "op": "replace", "value": 45}
    read(office, connection, conversation(please, thread(2, "hello?"), assignee={"id": 45, "type": "team"}))
    assert (owner(office), outcomes(office)) == ("human", ["escalated"])
    read(office, connection, conversation(please, thread(3, CARD["body"]), assignee={"id": BOT, "type": "user"}))
    assert (owner(office), outcomes(office)) == ("bot", ["escalated", "answered"])
    assert helpscout.refused == []


def test_drafts_are_notes_whoever_has_the_conversation(office: Office, connection: str, helpscout: HelpScout) -> None:
    set_mode(office, "draft")
    read(office, connection, conversation(CARD, assignee={"id": 7, "type": "user"}))
    send(office)
    assert [path for path, _ in helpscout.done] == ["/notes", "/notes"]
