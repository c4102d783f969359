"""A whole Front conversation: webhooks in, messages, comments and changes out, teammates who step in, our own words."""

from collections.abc import Iterator

import pytest

from agent.office import Office
from tests.front import ACCESS, Front, event, framed, heard, message, replied
from tests.vendor import ON_SQLITE
from tests.workers.channels import connect, outcomes, owner, read, send, serving, set_mode

pytestmark = ON_SQLITE

CARD = "my new card still hasn't come"


@pytest.fixture
def front() -> Iterator[Front]:
    """A Front of our own on a free port."""
    with serving(Front()) as server:
        yield server


@pytest.fixture
def connection(office: Office, front: Front) -> str:
    """The demo desk's Front."""
    return connect(office, "front", front.url, dict(ACCESS))


def test_a_message_is_labelled_and_answered_and_our_own_words_are_not_heard(
    office: Office, connection: str, front: Front
) -> None:
    assert read(office, connection, heard(1, CARD)).status == "handled"
    assert {row.status for row in send(office)} == {"sent"}
    (number, comments, labels), (_, messages, reply) = front.done
    assert (number, comments, messages) == ("cnv_1", "/comments", "/messages")
    assert "topic: " in labels["body"]
    ours = read(office, connection, replied(2, reply["text"], ACCESS["user_id"]))
    receipt = read(office, connection, replied(3, "We have received your message.", None))
    assert (ours.status, receipt.status) == ("ignored", "ignored")
    assert (owner(office), outcomes(office), front.refused) == ("bot", ["answered"], [])


@pytest.mark.parametrize(
    "step",
    [
        replied(2, "Sam here.", "tea_7"),
        event(2, "outbound", message("Sam here.", "tea_7", inbound=False)),
        framed(event(2, "assign", {"id": "tea_7"}, "tea_7"), "assignee_changed"),
    ],
    ids=["replied", "wrote", "assigned"],
)
def test_a_teammate_who_steps_in_is_not_interrupted(
    office: Office, connection: str, front: Front, step: dict[str, object]
) -> None:
    read(office, connection, heard(1, CARD))
    assert read(office, connection, step).status == "handled"
    assert [(row.action, row.status) for row in send(office)] == [("note", "sent"), ("reply", "skipped")]
    read(office, connection, heard(3, "thanks Sam"))
    assert outcomes(office) == ["answered", "silent"]
    assert [path for _, path, _ in front.done] == ["/comments"]


def test_a_teammates_conversation_is_not_answered(office: Office, connection: str, front: Front) -> None:
    assert read(office, connection, heard(1, CARD, "tea_7")).status == "handled"
    assert (send(office), outcomes(office), front.done) == ([], [], [])


def test_a_request_for_a_human_goes_to_the_inbox_and_comes_back_by_assignment(
    office: Office, connection: str, front: Front
) -> None:
    read(office, connection, heard(1, "get me a human please"))
    send(office)
    assert [path for _, path, _ in front.done][-3:] == ["/messages", "/comments", ""]
    assert "asked for a human" in front.done[-2][2]["body"]
    assert front.done[-1][2] == {"assignee_id": None, "status": "open", "inbox_id": ACCESS["inbox_id"]}
    read(office, connection, heard(2, "hello?"))
    assert (owner(office), outcomes(office)) == ("human", ["escalated", "silent"])
    read(office, connection, heard(3, CARD, ACCESS["user_id"]))
    assert (owner(office), outcomes(office)[-1]) == ("bot", "answered")
    assert front.refused == []


def test_a_preview_fails_with_its_reason(office: Office, connection: str) -> None:
    row = read(office, connection, framed(event(1, "inbound", {"id": "msg_1", "blurb": "my card"})))
    assert (row.status, outcomes(office)) == ("failed", [])
    assert "send the full event" in str(row.error)


@pytest.mark.parametrize(
    ("mode", "paths"), [("draft", ["/comments", "/comments"]), ("label", ["/comments"]), ("watch", [])]
)
def test_the_other_modes_say_nothing_to_the_customer(
    office: Office, connection: str, front: Front, mode: str, paths: list[str]
) -> None:
    set_mode(office, mode)
    read(office, connection, heard(1, CARD, "tea_7"))
    send(office)
    assert [path for _, path, _ in front.done] == paths
