"""A whole Freshdesk ticket: what rules post in, replies, notes and changes out, and agents who step in."""

from collections.abc import Iterator

import pytest

from agent.office import Office
from tests.freshdesk import ACCESS, Freshdesk, posted
from tests.vendor import ON_SQLITE
from tests.workers.channels import connect, outcomes, owner, read, send, serving, set_mode

pytestmark = ON_SQLITE

CARD = "Jane : my new card still hasn't come"


@pytest.fixture
def freshdesk() -> Iterator[Freshdesk]:
    """A Freshdesk of our own on a free port."""
    with serving(Freshdesk()) as server:
        yield server


@pytest.fixture
def connection(office: Office, freshdesk: Freshdesk) -> str:
    """The demo desk's Freshdesk."""
    return connect(office, "freshdesk", freshdesk.url, dict(ACCESS))


def test_a_comment_is_labelled_by_a_note_and_answered(office: Office, connection: str, freshdesk: Freshdesk) -> None:
    assert read(office, connection, posted("customer", CARD)).status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    (number, where, labels), (_, path, reply) = freshdesk.done
    assert (number, where, labels["private"], path) == ("5158", "/notes", True, "/reply")
    assert "topic: " in labels["body"]
    assert reply["body"]
    assert (owner(office), outcomes(office), freshdesk.refused) == ("bot", ["answered"], [])


def test_an_agent_who_answers_first_is_not_interrupted(office: Office, connection: str, freshdesk: Freshdesk) -> None:
    read(office, connection, posted("customer", CARD))
    assert read(office, connection, posted("agent", "Sam : here I am")).status == "handled"
    assert [(row.action, row.status) for row in send(office)] == [("note", "sent"), ("reply", "skipped")]
    read(office, connection, posted("customer", "Jane : thanks Sam"))
    assert outcomes(office) == ["answered", "silent"]


def test_a_request_for_a_human_reopens_the_ticket_in_the_group(
    office: Office, connection: str, freshdesk: Freshdesk
) -> None:
    read(office, connection, posted("customer", "Jane : get me a human please"))
    send(office)
    (_, where, note), (_, _, change) = freshdesk.done[-2:]
    assert (where, note["private"], change) == ("/notes", True, {"status": 2, "group_id": 45})
    assert "asked for a human" in note["body"]
    read(office, connection, posted("customer", "Jane : hello?"))
    assert (owner(office), outcomes(office)) == ("human", ["escalated", "silent"])
    assert freshdesk.refused == []


def test_drafts_are_private_notes(office: Office, connection: str, freshdesk: Freshdesk) -> None:
    set_mode(office, "draft")
    read(office, connection, posted("customer", CARD))
    send(office)
    assert [where for _, where, _ in freshdesk.done] == ["/notes", "/notes"]
