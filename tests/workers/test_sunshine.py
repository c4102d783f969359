"""A whole conversation of Sunshine Conversations: messages in and out, control passed on, and what has no place."""

from collections.abc import Iterator
from typing import Any

import pytest

from agent.office import Office
from tests.sunshine import ACCESS, AGENTS, Sunshine, event
from tests.vendor import ON_SQLITE
from tests.workers.channels import TRIAL, connect, outcomes, owner, read, send, serving, set_mode
from workers.deliveries import run_delivery

pytestmark = ON_SQLITE

CARD = "my new card still hasn't come"


@pytest.fixture
def sunshine() -> Iterator[Sunshine]:
    """Sunshine Conversations of our own on a free port."""
    with serving(Sunshine()) as server:
        yield server


@pytest.fixture
def connection(office: Office, sunshine: Sunshine) -> str:
    """The demo desk's Sunshine Conversations."""
    return connect(office, "sunshine", sunshine.url, dict(ACCESS))


def test_a_message_is_answered_and_our_own_words_are_not_heard(
    office: Office, connection: str, sunshine: Sunshine
) -> None:
    assert read(office, connection, event(1, CARD)).status == "handled"
    sent = {row.action: (row.status, row.error) for row in send(office)}
    assert sent["reply"] == ("sent", None)
    assert sent["label"] == ("skipped", "Sunshine Conversations takes notes and labels only together with a hand-over.")
    [(what, reply)] = sunshine.done
    assert what == "messages"
    ours: list[dict[str, Any]] = [{"metadata": reply["metadata"]}, {"source": {"type": "api:conversations"}}]
    for number, said in enumerate([*ours, {"source": {"type": "zd:answerBot"}}], 2):
        assert read(office, connection, event(number, "ours", "business", **said)).status == "ignored"
    assert (owner(office), outcomes(office), sunshine.refused) == ("bot", ["answered"], [])


def test_an_agent_who_answers_first_is_not_interrupted(office: Office, connection: str, sunshine: Sunshine) -> None:
    read(office, connection, event(1, CARD))
    assert read(office, connection, event(2, "Sam here.", "business", AGENTS)).status == "handled"
    assert {row.action: row.status for row in send(office)} == {"label": "skipped", "reply": "skipped"}
    read(office, connection, event(3, "thanks Sam", holder=AGENTS))
    assert (owner(office), outcomes(office), sunshine.done) == ("human", ["answered"], [])


@pytest.mark.parametrize("holder", [AGENTS, "zd-answerBot", None])
def test_without_control_nothing_is_said(
    office: Office, connection: str, sunshine: Sunshine, holder: str | None
) -> None:
    assert read(office, connection, event(1, CARD, holder=holder)).status == "handled"
    assert (send(office), outcomes(office), sunshine.done) == ([], [], [])
    read(office, connection, event(2, CARD))
    assert outcomes(office) == ["answered"], "control has come to us"


def test_a_request_for_a_human_passes_control_and_comes_back_with_it(
    office: Office, connection: str, sunshine: Sunshine
) -> None:
    read(office, connection, event(1, "get me a human please"))
    assert {row.status for row in send(office)} == {"sent"}
    what, passed = sunshine.done[-1]
    assert (what, passed["switchboardIntegration"]) == ("passControl", "next")
    assert "asked for a human" in passed["metadata"]["dataCapture.ticketField.360"]
    assert "topic_" in passed["metadata"]["dataCapture.systemField.tags"]
    read(office, connection, event(2, "hello?", holder=AGENTS))
    assert (owner(office), outcomes(office)) == ("human", ["escalated"])
    read(office, connection, event(3, CARD))
    assert (owner(office), outcomes(office)[-1], sunshine.refused) == ("bot", "answered", [])


def test_drafts_have_no_place_and_say_so_however_often_they_are_sent(
    office: Office, connection: str, sunshine: Sunshine
) -> None:
    set_mode(office, "draft")
    read(office, connection, event(1, CARD, holder=AGENTS))
    rows = send(office)
    assert {(row.action, row.status) for row in rows} == {("label", "skipped"), ("note", "skipped")}
    with office.database.writing() as session:
        session.merge(rows[-1]).status = "queued"
    run_delivery(office.database, TRIAL, rows[-1].id)
    assert [row.status for row in send(office)] == ["skipped", "skipped"]
    assert sunshine.done == []
