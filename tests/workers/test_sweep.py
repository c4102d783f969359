"""The sweep finds what was lost, opens what is due, and nothing twice."""

import json
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from redis import Redis
from sqlalchemy import func, select, update

from agent.corrections import correct, find_skill
from agent.jobs import QUEUES
from agent.office import Office
from agent.retrainings import MOST_ATTEMPTS, cancel, claim
from agent.settings import Settings
from agent.tables import (
    Connection,
    Conversation,
    Correction,
    Delivery,
    Desk,
    InboundEvent,
    OutboundEvent,
    Promotion,
    Retraining,
    Skill,
    Turn,
    new_id,
    utc_now,
)
from tests.conversations import store_turn
from tests.endpoints import add_endpoint, change, events
from tests.workers.conftest import opened, row_of
from workers.events import run_event
from workers.retraining import run_retraining
from workers.sweep import run_sweep

AGO = timedelta(minutes=5)


def swept(settings: Settings) -> list[tuple[str, str]]:
    """Sweep once; return which tasks were sent for which rows."""
    found: list[tuple[str, str]] = []
    with Redis.from_url(settings.redis_url) as redis:
        redis.flushdb()
        run_sweep(settings)
        for queue in set(QUEUES.values()):
            for content in redis.lrange(queue, 0, -1):
                message = json.loads(content)
                ((row_id,), _, _) = json.loads(b64decode(message["body"]))
                assert QUEUES[message["headers"]["task"]] == queue
                found.append((message["headers"]["task"], row_id))
        redis.flushdb()
    return sorted(found)


def connect(office: Office) -> str:
    with office.database.writing() as session:
        desk = session.scalars(select(Desk)).one()
        row = Connection(desk_id=desk.id, name="helpdesk", secrets=["whsec_x"], url="https://helpdesk.example")
        session.add(row)
        session.flush()
        return row.id


def event(office: Office, connection: str, name: str, **values: object) -> str:
    body = json.dumps({"type": "ticket.created", "data": {"ticket_id": name, "text": "hi"}}).encode()
    with office.database.writing() as session:
        row = InboundEvent(connection_id=connection, event_id=name, ticket_id=name, body=body, **values)
        session.add(row)
        session.flush()
        return row.id


def delivery(office: Office, connection: str, **values: object) -> str:
    with office.database.writing() as session:
        conversation = Conversation(desk_id=session.get_one(Connection, connection).desk_id, channel="standard")
        session.add(conversation)
        session.flush()
        row = Delivery(connection_id=connection, conversation_id=conversation.id, payload={}, **values)
        session.add(row)
        session.flush()
        return row.id


def correct_some(office: Office, count: int) -> None:
    with office.database.writing() as session:
        skill = find_skill(session, session.scalars(select(Desk.id)).one(), "classification")
        for _ in range(count):
            turn = store_turn(session, skill.desk_id, new_id("text"))
            correct(session, turn, skill, {"topic": "cards"}, "ana")


def runs(office: Office) -> int:
    with office.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Retraining)) or 0


def test_enough_corrections_open_one_retraining(small: Office, settings: Settings) -> None:
    with small.database.writing() as session:
        session.execute(update(Skill).values(retrain_after=5, rest_minutes=0))
    correct_some(small, 4)
    assert swept(settings) == []
    correct_some(small, 1)
    ((task, row_id),) = swept(settings)
    row = row_of(small, row_id)
    assert (task, row.trigger, row.actor, row.status) == ("retrain", "corrections", "sweep", "queued")
    assert swept(settings) == [("retrain", row_id)], "it still waits, so it is nudged again"
    assert runs(small) == 1
    run_retraining(small, row_id)
    run_retraining(small, row_id)
    row = row_of(small, row_id)
    assert (row.status, row.attempt, len(row.snapshot["train_corrections"])) == ("promoted", 1, 5)
    assert swept(settings) == []
    correct_some(small, 5)
    assert len(swept(settings)) == 1
    assert runs(small) == 2


def test_a_run_that_was_cancelled_or_failed_comes_back_only_with_a_new_correction(
    small: Office, settings: Settings
) -> None:
    with small.database.writing() as session:
        session.execute(update(Skill).values(retrain_after=5))
    correct_some(small, 5)
    for ended, status in enumerate(("cancelled", "failed"), start=1):
        ((_, row_id),) = swept(settings)
        with small.database.writing() as session:
            cancel(session, session.get_one(Retraining, row_id))
            session.get_one(Retraining, row_id).status = status
        assert swept(settings) == []
        assert runs(small) == ended
        correct_some(small, 1)


def test_a_skill_rests_after_a_promotion(small: Office, settings: Settings) -> None:
    with small.database.writing() as session:
        session.execute(update(Skill).values(retrain_after=5, rest_minutes=30))
    correct_some(small, 5)
    ((_, row_id),) = swept(settings)
    run_retraining(small, row_id)
    assert row_of(small, row_id).status == "promoted"
    correct_some(small, 5)
    assert swept(settings) == []
    with small.database.writing() as session:
        session.execute(update(Promotion).values(created_at=utc_now() - timedelta(minutes=31)))
    assert len(swept(settings)) == 1


def test_a_schedule_opens_a_retraining_once_there_is_something_new(small: Office, settings: Settings) -> None:
    with small.database.writing() as session:
        session.execute(update(Skill).values(retrain_after=0, retrain_hours=24))
    correct_some(small, 1)
    assert swept(settings) == []
    with small.database.writing() as session:
        session.execute(update(Skill).values(created_at=utc_now() - timedelta(hours=25)))
    ((_, row_id),) = swept(settings)
    assert row_of(small, row_id).trigger == "schedule"
    run_retraining(small, row_id)
    with small.database.writing() as session:
        session.execute(update(Retraining).values(created_at=utc_now() - timedelta(hours=25)))
        session.execute(update(Promotion).values(created_at=utc_now() - timedelta(hours=25)))
        session.execute(update(Correction).values(created_at=utc_now() - timedelta(hours=26)))
    assert swept(settings) == [], "nothing was corrected since"
    correct_some(small, 1)
    assert len(swept(settings)) == 1


def test_zero_means_never_by_itself(small: Office, settings: Settings) -> None:
    with small.database.writing() as session:
        session.execute(update(Skill).values(retrain_after=0))
    correct_some(small, 3)
    assert swept(settings) == []


def test_lost_events_and_deliveries_are_nudged(small: Office, settings: Settings) -> None:
    connection, now = connect(small), utc_now()
    lost = event(small, connection, "lost", received_at=now - AGO)
    dropped = event(small, connection, "dropped", received_at=now - AGO, lease_until=now - AGO)
    event(small, connection, "fresh")
    event(small, connection, "held", received_at=now - AGO, lease_until=now + AGO)
    event(small, connection, "done", received_at=now - AGO, status="handled")
    due = delivery(small, connection, due_at=now - AGO)
    left = delivery(small, connection, due_at=now - AGO, lease_until=now - AGO)
    delivery(small, connection, due_at=now + AGO)
    delivery(small, connection, due_at=now - AGO, lease_until=now + AGO)
    delivery(small, connection, due_at=now - AGO, status="dead")
    expected = [("deliver", due), ("deliver", left), ("handle_event", lost), ("handle_event", dropped)]
    assert swept(settings) == sorted(expected)
    for _ in range(2):
        run_event(small, lost)
    assert ("handle_event", lost) not in swept(settings)
    with small.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Turn)) == 1


def test_endpoints_to_which_something_is_due_are_nudged_and_old_events_go(small: Office, settings: Settings) -> None:
    now, due = utc_now(), {}
    for name, values in {
        "due": {"failing_since": now - AGO},
        "dropped": {"lease_until": now - AGO},
        "rested": {"rests_until": now - AGO},
        "held": {"lease_until": now + AGO},
        "rests": {"rests_until": now + AGO},
        "disabled": {"disabled_at": now},
    }.items():
        endpoint = add_endpoint(small.database, "https://ops.example", name)
        due[name] = endpoint.id
        change(small.database, endpoint, **values)
        with small.database.writing() as session:
            session.add_all(OutboundEvent(endpoint_id=endpoint.id, type="x", data={}) for _ in range(2))
    later = add_endpoint(small.database, "https://ops.example", "later")
    with small.database.writing() as session:
        session.add(OutboundEvent(endpoint_id=later.id, type="x", data={}, due_at=now + AGO))
        old = {"type": "old", "data": {}, "status": "sent", "due_at": now - timedelta(days=8)}
        session.add(OutboundEvent(endpoint_id=later.id, **old))
    assert swept(settings) == sorted(("send_events", due[name]) for name in ("due", "dropped", "rested"))
    assert "old" not in {row.type for row in events(small.database)}


def test_an_abandoned_retraining_is_handed_out_again_until_it_died_too_often(small: Office, settings: Settings) -> None:
    job = opened(small)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert swept(settings) == [("retrain", job)]
        with small.database.writing() as session:
            assert claim(session, job, "dies") is not None
        assert swept(settings) == []
        with small.database.writing() as session:
            session.execute(update(Retraining).values(lease_until=utc_now() - AGO))
        assert row_of(small, job).attempt == attempt
    assert swept(settings) == []
    row = row_of(small, job)
    assert (row.status, row.error) == ("failed", "The worker died 3 times while training.")


def test_sweeps_at_once_open_one_run(small: Office, settings: Settings) -> None:
    with small.database.writing() as session:
        session.execute(update(Skill).values(retrain_after=2))
    correct_some(small, 2)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(run_sweep, settings) for _ in range(4)]:
            done.result()
    assert runs(small) == 1
