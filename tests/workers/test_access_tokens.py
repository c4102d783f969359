"""Access tokens: one is kept as long as it lasts; what goes wrong is tried again, and said without a secret."""

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from agent.database import Database
from agent.desks import make_desk
from agent.settings import Settings
from agent.tables import Connection, Conversation, Delivery, utc_now
from tests.helpscout import ACCESS, CONVERSATION, HelpScout
from tests.workers.channels import TRIAL, serving
from workers.deliveries import run_delivery

NOTE = {"ticket_id": str(CONVERSATION), "text": "topic: cards"}


@pytest.fixture
def helpscout() -> Iterator[HelpScout]:
    """A Help Scout of our own on a free port."""
    with serving(HelpScout()) as server:
        yield server


@pytest.fixture
def notes(database: Database, helpscout: HelpScout) -> list[str]:
    """Two notes that wait to be sent."""
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        conversation = Conversation(desk_id=desk.id, channel="helpscout")
        connection = Connection(
            desk_id=desk.id, name="hs", kind="helpscout", secrets=["s"], url=helpscout.url, credentials=dict(ACCESS)
        )
        session.add_all([conversation, connection])
        session.flush()
        common = {"connection_id": connection.id, "conversation_id": conversation.id, "action": "note"}
        rows = [Delivery(payload=NOTE, position=place, **common) for place in range(2)]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def send(database: Database, delivery_id: str, settings: Settings = TRIAL) -> Delivery:
    """Let a worker try to send a note; return how that went."""
    with database.writing() as session:
        session.execute(update(Delivery).values(due_at=utc_now(), lease_until=None))
    run_delivery(database, settings, delivery_id)
    with database.reading() as session:
        return session.get_one(Delivery, delivery_id)


def test_one_serves_several_deliveries(database: Database, notes: list[str], helpscout: HelpScout) -> None:
    assert [send(database, note).status for note in notes] == ["sent", "sent"]
    assert (helpscout.tokens, len(helpscout.done), helpscout.refused) == (1, 2, [])


def test_one_that_is_about_to_expire_is_asked_for_anew(
    database: Database, notes: list[str], helpscout: HelpScout
) -> None:
    helpscout.expires_in = 30
    assert [send(database, note).status for note in notes] == ["sent", "sent"]
    assert (helpscout.tokens, helpscout.refused) == (2, [])


def test_one_that_is_not_taken_any_more_is_forgotten(
    database: Database, notes: list[str], helpscout: HelpScout
) -> None:
    send(database, notes[0])
    helpscout.tokens += 1  # ours is not the last one any more
    row = send(database, notes[1])
    assert (row.status, row.answer_status, row.error) == ("queued", 401, "The helpdesk answered 401.")
    assert send(database, notes[1]).status == "sent"
    assert len(helpscout.refused) == 1


def test_none_is_given_for_a_wrong_secret(database: Database, notes: list[str], helpscout: HelpScout) -> None:
    with database.writing() as session:
        session.execute(update(Connection).values(credentials={**ACCESS, "token": "wrong-secret"}))
    row = send(database, notes[0])
    assert (row.status, row.answer_status) == ("queued", 401)
    assert row.error == "The helpdesk gives us no access token: it answered 401."
    with database.writing() as session:
        session.execute(update(Connection).values(credentials=dict(ACCESS)))
    assert send(database, notes[0]).status == "sent"


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        ((503, {}, b""), 503, "it answered 503"),
        ((429, {"retry-after": "7200"}, b""), 429, "it answered 429"),
        ((307, {"location": "/v2/oauth2/token"}, b""), 307, "it answered 307"),
        ((200, {}, b'{"access_token": "secret\\ntoken"}'), None, "holds no access token"),
        ((200, {}, b'{"expires_in": 7200}'), None, "holds no access token"),
        ((200, {}, b"<html>" + b"x" * 100_000), None, "holds no access token"),
    ],
)
def test_a_strange_answer_instead_of_one_is_tried_again(
    database: Database,
    notes: list[str],
    helpscout: HelpScout,
    answer: tuple[int, dict[str, str], bytes],
    status: int | None,
    says: str,
) -> None:
    helpscout.token_answer = answer
    row = send(database, notes[0])
    assert (row.status, row.answer_status) == ("queued", status)
    assert says in str(row.error)
    assert "secret" not in str(row.error)
    patience = 7000 if status == 429 else 0
    assert (row.due_at - utc_now()).total_seconds() > patience
    assert helpscout.done == []
    helpscout.token_answer = None
    assert send(database, notes[0]).status == "sent"


def test_none_is_asked_for_at_a_private_address_or_where_nothing_listens(
    database: Database, notes: list[str], helpscout: HelpScout
) -> None:
    assert "is not a public address" in str(send(database, notes[0], Settings()).error)
    with database.writing() as session:
        session.execute(update(Connection).values(url="http://127.0.0.1:1"))
    row = send(database, notes[0])
    assert (row.status, row.answer_status) == ("queued", None)
    assert row.error
    assert helpscout.tokens == 0
