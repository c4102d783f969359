"""A whole Zammad ticket: articles in, articles, tags and changes out, agents who step in, and our own words."""

from collections.abc import Iterator

import pytest

from agent.office import Office
from tests.vendor import ON_SQLITE
from tests.workers.channels import connect, outcomes, owner, read, send, serving, set_mode
from tests.zammad import ACCESS, Zammad, article

pytestmark = ON_SQLITE

CARD = "<div>my new card still hasn't come</div>"


@pytest.fixture
def zammad() -> Iterator[Zammad]:
    """A Zammad of our own on a free port."""
    with serving(Zammad()) as server:
        yield server


@pytest.fixture
def connection(office: Office, zammad: Zammad) -> str:
    """The demo desk's Zammad."""
    return connect(office, "zammad", zammad.url, dict(ACCESS))


def test_an_article_is_labelled_and_answered_and_our_own_words_are_not_heard(
    office: Office, connection: str, zammad: Zammad
) -> None:
    assert read(office, connection, article(1, CARD)).status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    *tags, (path, reply) = zammad.done
    assert tags
    assert {where for where, _ in tags} == {"tags/add"}
    assert any(tag["item"].startswith("topic_") for _, tag in tags)
    assert (path, reply["internal"]) == ("ticket_articles", False)
    ours = read(office, connection, article(2, reply["body"], "Agent", int(ACCESS["user_id"])))
    receipt = read(office, connection, article(3, "We have received your request.", "System", 1))
    assert (ours.status, receipt.status) == ("ignored", "ignored")
    assert (owner(office), outcomes(office), zammad.refused) == ("bot", ["answered"], [])


def test_an_agent_who_answers_first_is_not_interrupted(office: Office, connection: str, zammad: Zammad) -> None:
    read(office, connection, article(1, CARD))
    assert read(office, connection, article(2, "Sam here.", "Agent", 7)).status == "handled"
    sent = {row.action: row.status for row in send(office)}
    assert sent == {"label": "sent", "reply": "skipped"}
    read(office, connection, article(3, "thanks Sam"))
    assert outcomes(office) == ["answered", "silent"]


def test_an_agents_ticket_is_not_answered(office: Office, connection: str, zammad: Zammad) -> None:
    assert read(office, connection, article(1, CARD, owner_id=7)).status == "handled"
    assert (send(office), outcomes(office), zammad.done) == ([], [], [])


def test_a_request_for_a_human_goes_to_the_group_and_comes_back_by_its_owner(
    office: Office, connection: str, zammad: Zammad
) -> None:
    read(office, connection, article(1, "get me a human please"))
    send(office)
    (_, note), (path, change) = zammad.done[-2:]
    assert (note["internal"], path) == (True, "tickets/81")
    assert "asked for a human" in note["body"]
    assert change == {"owner_id": 1, "state": "open", "group_id": 3}
    read(office, connection, article(2, "hello?"))
    assert (owner(office), outcomes(office)) == ("human", ["escalated", "silent"])
    read(office, connection, article(3, CARD, owner_id=int(ACCESS["user_id"])))
    assert (owner(office), outcomes(office)[-1]) == ("bot", "answered")
    assert zammad.refused == []


def test_drafts_are_internal_notes_whoever_owns_the_ticket(office: Office, connection: str, zammad: Zammad) -> None:
    set_mode(office, "draft")
    read(office, connection, article(1, CARD, owner_id=7))
    send(office)
    assert [body["internal"] for path, body in zammad.done if path == "ticket_articles"] == [True]
