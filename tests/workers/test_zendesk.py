"""A whole Zendesk ticket: comments in, changes of the ticket out, agents who step in, and our own words."""

from collections.abc import Iterator

import pytest

from agent.office import Office
from tests.vendor import ON_SQLITE
from tests.workers.channels import connect, outcomes, owner, read, send, serving, set_mode
from tests.zendesk import ACCESS, Zendesk, comment

pytestmark = ON_SQLITE

CARD = "my new card still hasn't come"


@pytest.fixture
def zendesk() -> Iterator[Zendesk]:
    """A Zendesk of our own on a free port."""
    with serving(Zendesk()) as server:
        yield server


@pytest.fixture
def connection(office: Office, zendesk: Zendesk) -> str:
    """The demo desk's Zendesk."""
    return connect(office, "zendesk", zendesk.url, dict(ACCESS))


def test_a_comment_is_labelled_and_answered_and_our_own_words_are_not_heard(
    office: Office, connection: str, zendesk: Zendesk
) -> None:
    assert read(office, connection, comment(1, CARD)).status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    (number, labels), (_, reply) = zendesk.done
    assert number == "5158"
    assert any(tag.startswith("topic_") for tag in labels["additional_tags"])
    assert (reply["comment"]["public"], reply["status"]) == (True, "pending")
    ours = read(office, connection, comment(2, reply["comment"]["body"], staff=ACCESS["user_id"]))
    assert (ours.status, owner(office), outcomes(office)) == ("ignored", "bot", ["answered"])
    assert zendesk.refused == []


def test_an_agent_who_answers_first_is_not_interrupted(office: Office, connection: str, zendesk: Zendesk) -> None:
    read(office, connection, comment(1, CARD))
    assert read(office, connection, comment(2, "Sam here.", staff="7")).status == "handled"
    assert [(row.action, row.status) for row in send(office)] == [("label", "sent"), ("reply", "skipped")]
    read(office, connection, comment(3, "thanks Sam"))
    assert outcomes(office) == ["answered", "silent"]


def test_a_request_for_a_human_reopens_the_ticket_with_a_note_and_stays_theirs(
    office: Office, connection: str, zendesk: Zendesk
) -> None:
    read(office, connection, comment(1, "get me a human please"))
    send(office)
    note, status = (change for _, change in zendesk.done[-2:])
    assert note["comment"]["public"] is False
    assert "asked for a human" in note["comment"]["body"]
    assert status == {"status": "open"}
    read(office, connection, comment(2, "hello?"))
    assert (owner(office), outcomes(office)) == ("human", ["escalated", "silent"])


def test_drafts_are_internal_notes(office: Office, connection: str, zendesk: Zendesk) -> None:
    set_mode(office, "draft")
    read(office, connection, comment(1, CARD))
    send(office)
    assert [change["comment"]["public"] for _, change in zendesk.done if "comment" in change] == [False]
