"""A whole Gorgias ticket: what the integration posts in, messages, tags and changes out, and users who step in."""

from collections.abc import Iterator

import pytest

from agent.office import Office
from tests.gorgias import ACCESS, CUSTOMER, SHOP, Gorgias, posted
from tests.vendor import ON_SQLITE
from tests.workers.channels import connect, outcomes, owner, read, send, serving, set_mode

pytestmark = ON_SQLITE

CARD = "my new card still hasn't come"
BOT = int(ACCESS["user_id"])


@pytest.fixture
def gorgias() -> Iterator[Gorgias]:
    """A Gorgias of our own on a free port."""
    with serving(Gorgias()) as server:
        yield server


@pytest.fixture
def connection(office: Office, gorgias: Gorgias) -> str:
    """The demo desk's Gorgias."""
    return connect(office, "gorgias", gorgias.url, dict(ACCESS))


def test_a_message_is_labelled_and_answered_and_our_own_words_are_not_heard(
    office: Office, connection: str, gorgias: Gorgias
) -> None:
    assert read(office, connection, posted(1, CARD)).status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    (where, tags), (path, reply) = gorgias.done
    assert (where, path, reply["channel"]) == ("/tags", "/messages", "email")
    assert any(name.startswith("topic_") for name in tags["names"])
    assert reply["source"] == {"type": "email", "from": {"address": SHOP}, "to": [{"address": CUSTOMER}]}
    ours = read(office, connection, posted(2, reply["body_text"], BOT))
    receipt = read(office, connection, posted(3, "We have received your request.", 1, message_rule_id=12))
    assert (ours.status, receipt.status) == ("ignored", "ignored")
    assert (owner(office), outcomes(office), gorgias.refused) == ("bot", ["answered"], [])


def test_a_user_who_answers_first_is_not_interrupted(office: Office, connection: str, gorgias: Gorgias) -> None:
    read(office, connection, posted(1, CARD))
    assert read(office, connection, posted(2, "Sam here.", 7)).status == "handled"
    assert [(row.action, row.status) for row in send(office)] == [("label", "sent"), ("reply", "skipped")]
    read(office, connection, posted(3, "thanks Sam"))
    assert outcomes(office) == ["answered", "silent"]


def test_a_users_ticket_is_not_answered(office: Office, connection: str, gorgias: Gorgias) -> None:
    assert read(office, connection, posted(1, CARD, ticket_assignee_user_id=7)).status == "handled"
    assert (send(office), outcomes(office), gorgias.done) == ([], [], [])


def test_a_request_for_a_human_goes_to_the_team_and_comes_back_by_its_user(
    office: Office, connection: str, gorgias: Gorgias
) -> None:
    read(office, connection, posted(1, "get me a human please"))
    send(office)
    (_, note), (path, change) = gorgias.done[-2:]
    assert (note["channel"], path) == ("internal-note", "")
    assert "asked for a human" in note["body_text"]
    assert change == {"status": "open", "assignee_user": None, "assignee_team": {"id": 45}}
    read(office, connection, posted(2, "hello?"))
    assert (owner(office), outcomes(office)) == ("human", ["escalated", "silent"])
    read(office, connection, posted(3, CARD, ticket_assignee_user_id=BOT))
    assert (owner(office), outcomes(office)[-1]) == ("bot", "answered")
    assert gorgias.refused == []


def test_drafts_are_internal_notes_whoever_has_the_ticket(office: Office, connection: str, gorgias: Gorgias) -> None:
    set_mode(office, "draft")
    read(office, connection, posted(1, CARD, ticket_assignee_user_id=7))
    send(office)
    assert [body["channel"] for path, body in gorgias.done if path == "/messages"] == ["internal-note"]
