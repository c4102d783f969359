"""A stored event becomes a turn and a delivery, once, whatever is repeated or breaks off."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select, update

from agent.channels.standard import ticket_of
from agent.leases import take
from agent.office import Office
from agent.tables import (
    Connection,
    Conversation,
    Delivery,
    Desk,
    InboundEvent,
    Message,
    Promotion,
    Retraining,
    Skill,
    Turn,
    utc_now,
)
from workers import events
from workers.events import MOST_ATTEMPTS, run_event

ASKED = {"ticket_id": "T1", "subject": "Card", "text": "my new card still hasn't come"}


@pytest.fixture
def connection(office: Office) -> str:
    """The demo desk's helpdesk."""
    with office.database.writing() as session:
        row = Connection(
            desk_id=session.scalars(select(Desk.id)).one(),
            name="helpdesk",
            secrets=["whsec_x"],
            url="https://helpdesk.example/in",
        )
        session.add(row)
        session.flush()
        return row.id


def arrive(office: Office, connection: str, name: str, body: object, kind: str = "ticket.created") -> str:
    content = body if isinstance(body, bytes) else json.dumps({"type": kind, "data": body}).encode()
    with office.database.writing() as session:
        row = InboundEvent(connection_id=connection, event_id=name, ticket_id=ticket_of(content), body=content)
        session.add(row)
        session.flush()
        return row.id


def event(office: Office, event_id: str) -> InboundEvent:
    with office.database.reading() as session:
        return session.get_one(InboundEvent, event_id)


def counts(office: Office) -> list[int]:
    """How many conversations, messages, turns and deliveries there are."""
    with office.database.reading() as session:
        tables: list[Any] = [Conversation, Message, Turn, Delivery]
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def lapse(office: Office) -> None:
    with office.database.writing() as session:
        session.execute(update(InboundEvent).values(lease_until=utc_now() - timedelta(seconds=1)))


def test_an_event_becomes_a_turn_and_a_delivery_once(office: Office, connection: str, queue_url: str) -> None:
    event_id = arrive(office, connection, "evt_1", ASKED)
    with Redis.from_url(queue_url) as queue:
        queue.delete("events")
        run_event(office, event_id)
        nudges = [json.loads(message)["headers"]["task"] for message in queue.lrange("events", 0, -1)]
        queue.delete("events")
    assert nudges == ["deliver"]
    row = event(office, event_id)
    assert (row.status, row.attempt, row.error) == ("handled", 1, None)
    with office.database.reading() as session:
        turn, delivery = session.get_one(Turn, row.turn_id), session.scalars(select(Delivery)).one()
        message = session.get_one(Message, turn.message_id)
    assert message.text == "Card\n\nmy new card still hasn't come"
    assert (delivery.status, delivery.inbound_event_id) == ("queued", event_id)
    data = delivery.payload["data"]
    assert (delivery.payload["type"], data["ticket_id"], data["turn_id"]) == ("ticket.handled", "T1", turn.id)
    assert (data["topic"], data["article"]["slug"]) == ("cards", "card-not-arrived")
    assert {"priority", "reply", "escalation", "conversation_id"} <= set(data)
    run_event(office, event_id)
    lapse(office)
    run_event(office, event_id)
    assert counts(office) == [1, 2, 1, 1]
    assert event(office, event_id).attempt == 1


def test_two_workers_at_once_handle_it_once(office: Office, connection: str) -> None:
    event_id = arrive(office, connection, "evt_1", ASKED)
    threads = [threading.Thread(target=run_event, args=(office, event_id)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(office) == [1, 2, 1, 1]
    assert event(office, event_id).attempt == 1


def test_a_reply_joins_its_tickets_conversation(office: Office, connection: str) -> None:
    for name, data, kind in (
        ("evt_1", ASKED, "ticket.created"),
        ("evt_2", {"ticket_id": "T1", "text": "get me a human please"}, "ticket.replied"),
        ("evt_3", {"ticket_id": "T2", "text": "how do I change my PIN"}, "ticket.created"),
    ):
        run_event(office, arrive(office, connection, name, data, kind))
    assert counts(office)[0] == 2
    with office.database.reading() as session:
        handed = [row.payload["data"]["escalation"] for row in session.scalars(select(Delivery))]
    assert sorted(reason["reason"] for reason in handed if reason) == ["asked_for_human"]


def test_a_reply_waits_for_the_message_before_it_whose_worker_died(
    office: Office, connection: str, queue_url: str
) -> None:
    first = arrive(office, connection, "evt_1", ASKED)
    with office.database.writing() as session:
        assert take(session, InboundEvent, first) is not None
    reply = arrive(office, connection, "evt_2", {"ticket_id": "T1", "text": "and what does it cost?"}, "ticket.replied")
    other = arrive(office, connection, "evt_3", {**ASKED, "ticket_id": "T2"})
    run_event(office, reply)
    run_event(office, other)
    assert [(event(office, name).status, event(office, name).attempt) for name in (reply, other)] == [
        ("queued", 0),
        ("handled", 1),
    ]
    lapse(office)
    run_event(office, reply)
    with Redis.from_url(queue_url) as queue:
        queue.delete("events")
        run_event(office, first)
        nudges = [json.loads(message)["headers"] for message in queue.lrange("events", 0, -1)]
        queue.delete("events")
    assert ("handle_event", repr((reply,))) in [(nudge["task"], nudge["argsrepr"]) for nudge in nudges]
    run_event(office, reply)
    assert [event(office, name).status for name in (first, reply)] == ["handled", "handled"]
    with office.database.reading() as session:
        mine = session.get_one(Turn, event(office, first).turn_id).conversation_id
        said = select(Message.client_id).where(Message.conversation_id == mine, Message.author == "customer")
        assert list(session.scalars(said.order_by(Message.seq))) == ["evt_1", "evt_2"]


def test_a_worker_that_died_between_turn_and_delivery_is_made_good(
    office: Office, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = arrive(office, connection, "evt_1", ASKED)
    with monkeypatch.context() as patch:
        patch.delattr(events, "_record")
        with pytest.raises(NameError):
            run_event(office, event_id)
    assert counts(office) == [1, 2, 1, 0]
    run_event(office, event_id)
    assert counts(office)[3] == 0, "the lease is not over"
    lapse(office)
    run_event(office, event_id)
    assert counts(office) == [1, 2, 1, 1]
    assert (event(office, event_id).status, event(office, event_id).attempt) == ("handled", 2)


def test_without_an_address_nothing_is_delivered(office: Office, connection: str) -> None:
    with office.database.writing() as session:
        session.get_one(Connection, connection).url = None
    event_id = arrive(office, connection, "evt_1", ASKED)
    run_event(office, event_id)
    assert event(office, event_id).status == "handled"
    assert counts(office) == [1, 2, 1, 0]


def test_events_of_other_types_are_ignored(office: Office, connection: str) -> None:
    event_id = arrive(office, connection, "evt_1", {"anything": [1]}, "ticket.closed")
    run_event(office, event_id)
    row = event(office, event_id)
    assert (row.status, row.error, row.turn_id) == ("ignored", None, None)
    assert row.handled_at is not None
    run_event(office, event_id)
    assert counts(office) == [0, 0, 0, 0]


def test_a_malformed_body_fails_with_a_reason(office: Office, connection: str) -> None:
    bodies: list[tuple[object, str]] = [
        (b"{not json", "body"),
        (b"\xff\xfe", "body"),
        ({"ticket_id": "T1"}, "text"),
        ({"ticket_id": "x" * 201, "text": "hi"}, "ticket_id"),
        ({"ticket_id": "T\x001", "text": "hi"}, "ticket_id"),
        ({"ticket_id": "T1", "text": "hi \ud83d"}, "body"),
    ]
    for number, (body, words) in enumerate(bodies):
        event_id = arrive(office, connection, f"evt_{number}", body)
        run_event(office, event_id)
        row = event(office, event_id)
        assert (row.status, row.attempt) == ("failed", 1)
        assert words in str(row.error)
    assert counts(office) == [0, 0, 0, 0]


def test_a_null_character_is_nothing_a_database_trips_over(office: Office, connection: str) -> None:
    event_id = arrive(office, connection, "evt_1", {"ticket_id": "T1", "text": "how do I change\x00 my PIN"})
    run_event(office, event_id)
    assert event(office, event_id).status == "handled"


def test_an_event_that_keeps_breaking_is_given_up(office: Office, connection: str) -> None:
    event_id = arrive(office, connection, "evt_1", ASKED)
    with office.database.writing() as session:
        session.get_one(InboundEvent, event_id).attempt = MOST_ATTEMPTS
    run_event(office, event_id)
    row = event(office, event_id)
    assert (row.status, row.error) == ("failed", f"Given up after {MOST_ATTEMPTS} attempts.")
    assert counts(office) == [0, 0, 0, 0]


def test_a_signed_event_opens_a_retraining_once_and_not_while_the_skill_rests(office: Office, connection: str) -> None:
    asked = [arrive(office, connection, f"evt_{n}", {"skill": "faq"}, "skill.retrain") for n in range(2)]
    for event_id in (asked[0], asked[0], asked[1]):
        run_event(office, event_id)
    with office.database.reading() as session:
        [row] = session.scalars(select(Retraining))
        assert (row.trigger, row.actor, row.status) == ("webhook", "helpdesk", "queued")
    assert [event(office, event_id).status for event_id in asked] == ["handled", "failed"]
    assert "under way already" in str(event(office, asked[1]).error)
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "faq")).one()
        run = session.scalars(select(Retraining)).one()
        run.status = "promoted"
        moved = {"to_version_id": skill.live_version_id, "actor": "ana", "reason": "learnt", "retraining_id": run.id}
        session.add(Promotion(skill_id=skill.id, **moved))
    late = arrive(office, connection, "evt_late", {"skill": "faq"}, "skill.retrain")
    run_event(office, late)
    assert "less than 60 minutes ago" in str(event(office, late).error)


@pytest.mark.parametrize(("data", "named"), [({"skill": "poet"}, "'poet'"), ({}, "skill"), ({"skill": 7}, "skill")])
def test_a_retraining_of_nothing_fails_with_the_reason(
    office: Office, connection: str, data: dict[str, object], named: str
) -> None:
    event_id = arrive(office, connection, "evt_1", data, "skill.retrain")
    run_event(office, event_id)
    row = event(office, event_id)
    assert row.status == "failed"
    assert named in str(row.error)
