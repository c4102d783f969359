"""A whole Intercom conversation: notifications in, parts of it out, teammates who step in, and our own words."""

from collections.abc import Iterator

import pytest

from agent.office import Office
from tests.intercom import ACCESS, Intercom, created, notification, replied
from tests.vendor import ON_SQLITE
from tests.workers.channels import connect, outcomes, owner, read, send, serving, set_mode

pytestmark = ON_SQLITE

CARD = "<p>my new card still hasn't come</p>"


@pytest.fixture
def intercom() -> Iterator[Intercom]:
    """An Intercom of our own on a free port."""
    with serving(Intercom()) as server:
        yield server


@pytest.fixture
def connection(office: Office, intercom: Intercom) -> str:
    """The demo desk's Intercom."""
    return connect(office, "intercom", intercom.url, dict(ACCESS))


def test_a_message_is_labelled_and_answered_and_our_own_words_are_not_heard(
    office: Office, connection: str, intercom: Intercom
) -> None:
    assert read(office, connection, created(1, CARD)).status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    (number, note, labels), (_, comment, reply) = intercom.done
    assert (number, note, comment) == ("524", "note", "comment")
    assert "topic: " in labels["body"]
    ours = read(office, connection, replied(2, reply["body"], "admin", ACCESS["user_id"]))
    bot = read(office, connection, replied(3, "Fin here", "bot", "1"))
    assert (ours.status, bot.status) == ("ignored", "ignored")
    assert (owner(office), outcomes(office), intercom.refused) == ("bot", ["answered"], [])


@pytest.mark.parametrize(
    "step",
    [replied(2, "Sam here.", "admin", "7"), notification(2, "conversation.admin.assigned", admin_assignee_id=7)],
    ids=["replied", "assigned"],
)
def test_a_teammate_who_steps_in_is_not_interrupted(
    office: Office, connection: str, intercom: Intercom, step: dict[str, object]
) -> None:
    read(office, connection, created(1, CARD))
    assert read(office, connection, step).status == "handled"
    assert [(row.action, row.status) for row in send(office)] == [("note", "sent"), ("reply", "skipped")]
    read(office, connection, replied(3, "thanks Sam"))
    assert outcomes(office) == ["answered", "silent"]


def test_a_teammates_conversation_is_not_answered(office: Office, connection: str, intercom: Intercom) -> None:
    assert read(office, connection, created(1, CARD, admin_assignee_id=7)).status == "handled"
    assert (send(office), outcomes(office), intercom.done) == ([], [], [])


def test_a_request_for_a_human_goes_to_the_team_and_comes_back_by_assignment(
    office: Office, connection: str, intercom: Intercom
) -> None:
    read(office, connection, created(1, "get me a human please"))
    send(office)
    assert [kind for _, kind, _ in intercom.done][-3:] == ["comment", "note", "assignment"]
    assert "asked for a human" in intercom.done[-2][2]["body"]
    assert (intercom.done[-1][2]["type"], intercom.done[-1][2]["assignee_id"]) == ("team", ACCESS["team_id"])
    read(office, connection, replied(2, "hello?"))
    assert (owner(office), outcomes(office)) == ("human", ["escalated", "silent"])
    read(office, connection, replied(3, CARD, admin_assignee_id=int(ACCESS["user_id"])))
    assert (owner(office), outcomes(office)[-1]) == ("bot", "answered")
    assert intercom.refused == []


@pytest.mark.parametrize(("mode", "kinds"), [("draft", ["note", "note"]), ("label", ["note"]), ("watch", [])])
def test_the_other_modes_say_nothing_to_the_customer(
    office: Office, connection: str, intercom: Intercom, mode: str, kinds: list[str]
) -> None:
    set_mode(office, mode)
    read(office, connection, created(1, CARD, admin_assignee_id=7))
    send(office)
    assert [kind for _, kind, _ in intercom.done] == kinds
