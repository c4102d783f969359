"""Deliveries against a real receiver: signed, at least once, with growing patience, to allowed addresses only."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook

from agent.addresses import check_url
from agent.api.deliveries import resend
from agent.api.deps import AdminDesk, Service
from agent.channels.channel import Call
from agent.database import Database
from agent.desks import make_desk
from agent.errors import BadInput, Conflict
from agent.keys import Caller
from agent.limits import Limits
from agent.office import Office
from agent.settings import Settings
from agent.streams import Streams
from agent.tables import Connection, Conversation, Delivery, Desk, utc_now
from skills.meanings import Meanings
from tests.conftest import wait_for
from tests.receiver import Receiver
from workers.deliveries import PATIENCE, run_delivery
from workers.posting import post

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDOC9k1XmNj+M="
PAYLOAD = {"type": "ticket.handled", "data": {"ticket_id": "T1", "reply": "Grüße"}}
UNSPEAKABLE = f"{'a' * 70}.example"
TRIAL = Settings(private_deliveries=True)


def queue(database: Database, url: str) -> str:
    """Put a delivery to this address into the table."""
    with database.writing() as session:
        desk = session.scalar(select(Desk)) or make_desk(session, "d", "D")
        conversation = Conversation(desk_id=desk.id, channel="standard")
        connection = Connection(desk_id=desk.id, name=url, secrets=[SECRET], url=url)
        session.add_all([conversation, connection])
        session.flush()
        row = Delivery(connection_id=connection.id, conversation_id=conversation.id, payload=PAYLOAD)
        session.add(row)
        session.flush()
        return row.id


def send(database: Database, delivery_id: str, settings: Settings = TRIAL) -> Delivery:
    run_delivery(database, settings, delivery_id)
    with database.reading() as session:
        return session.get_one(Delivery, delivery_id)


def make_due(database: Database) -> None:
    with database.writing() as session:
        session.execute(update(Delivery).values(due_at=utc_now(), lease_until=None))


def test_a_delivery_arrives_once_and_verifies(database: Database, receiver: Receiver) -> None:
    delivery = queue(database, receiver.address("200"))
    row = send(database, delivery)
    assert (row.status, row.answer_status, row.error, row.attempt, row.lease_until) == ("sent", 200, None, 1, None)
    assert row.sent_at is not None
    ((_, body, headers),) = receiver.got
    assert Webhook(SECRET).verify(body, headers) == PAYLOAD
    assert (headers["webhook-id"], headers["content-type"]) == (delivery, "application/json")
    assert send(database, delivery).attempt == 1
    assert len(receiver.got) == 1


def test_whatever_is_no_success_is_tried_again_later(database: Database, receiver: Receiver) -> None:
    for status in (500, 503, 404, 410, 429):
        delivery = queue(database, receiver.address(str(status)))
        row = send(database, delivery)
        assert (row.status, row.answer_status, row.lease_until) == ("queued", status, None)
        assert row.error == f"The helpdesk answered {status}."
        assert row.due_at > utc_now()
        assert send(database, delivery).attempt == 1, "it is not due"


def test_patience_grows_until_the_delivery_is_dead(database: Database, receiver: Receiver) -> None:
    delivery = queue(database, receiver.address("500"))
    waits: list[timedelta] = []
    for _ in PATIENCE:
        before = utc_now()
        row = send(database, delivery)
        assert row.status == "queued"
        waits.append(row.due_at - before)
        make_due(database)
    assert waits == sorted(waits)
    for wait, seconds in zip(waits, PATIENCE, strict=True):
        assert 0.8 * seconds <= wait.total_seconds() <= 1.2 * seconds + 5
    assert send(database, delivery).status == "dead"
    make_due(database)
    assert send(database, delivery).attempt == len(PATIENCE) + 1
    assert len({headers["webhook-id"] for _, _, headers in receiver.got}) == 1
    assert len(receiver.got) == len(PATIENCE) + 1


def test_a_redirect_is_not_followed(database: Database, receiver: Receiver) -> None:
    row = send(database, queue(database, receiver.address("moved")))
    assert (row.status, row.answer_status) == ("queued", 307)
    assert [path for path, _, _ in receiver.got] == ["/moved"]


def test_an_answer_that_never_ends_is_not_waited_for(database: Database, receiver: Receiver) -> None:
    sent: list[Delivery] = []
    delivery = queue(database, receiver.address("endless"))
    thread = threading.Thread(target=lambda: sent.append(send(database, delivery)))
    thread.start()
    wait_for(lambda: sent, seconds=5)
    thread.join()
    assert sent[0].status == "sent"


def test_an_answer_that_drips_is_given_up(receiver: Receiver) -> None:
    outcome = post(Call(receiver.address("dripping"), b"{}", {}), "helpdesk", 0.2, private=True)
    assert (outcome.status, outcome.late) == (None, True)
    assert outcome.error is not None
    assert outcome.error.startswith("ReadTimeout")


def test_private_addresses_are_refused_unless_allowed(database: Database, receiver: Receiver) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
        delivery = queue(database, receiver.address("200").replace("127.0.0.1", host))
        row = send(database, delivery, Settings())
        assert (row.status, row.answer_status) == ("queued", None)
        assert "is not a public address" in str(row.error)
    assert receiver.got == []


def test_an_address_that_cannot_be_reached_is_an_error_on_the_row(database: Database) -> None:
    for host in ("helpdesk.invalid", UNSPEAKABLE, "helpdesk..example", "127.0.0.1:1"):
        for number, settings in enumerate((Settings(), TRIAL)):
            row = send(database, queue(database, f"http://{host}/{number}"), settings)
            assert (row.status, row.answer_status, row.lease_until) == ("queued", None, None)
            assert row.error


def test_an_address_that_no_name_server_can_spell_is_not_stored() -> None:
    for host in (UNSPEAKABLE, "helpdesk..example", "xn--a"):
        with pytest.raises(BadInput, match="is not an address"):
            check_url(f"https://{host}/", private=False)
    assert check_url("https://[2606:4700::1111]/in", private=False)
    assert check_url("https://bücher.example/in", private=False)


def test_a_dead_delivery_can_be_sent_again_by_hand(office: Office, receiver: Receiver, queue_url: str) -> None:
    delivery = queue(office.database, receiver.address("500"))
    with office.database.writing() as session:
        session.execute(update(Delivery).values(status="dead", attempt=8, due_at=utc_now() + timedelta(days=1)))
        session.execute(update(Connection).values(url=receiver.address("200")))
        desk = session.get_one(Conversation, session.get_one(Delivery, delivery).conversation_id).desk_id
    meanings = Meanings(office.backbone, office.reader)
    service = Service(TRIAL, office, Streams(), Limits(queue_url), b"", meanings)
    admin = AdminDesk(desk, Caller("key", "ana", None))
    assert resend(delivery, service, admin).status == "queued"
    row = send(office.database, delivery)
    assert (row.status, row.attempt) == ("sent", 1)
    with pytest.raises(Conflict, match="arrived already"):
        resend(delivery, service, admin)
