"""Events against a real receiver: signed, at least once, in order, on the published schedule, until it is hopeless."""

import subprocess
import sys
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import delete, select, update
from standardwebhooks import Webhook, WebhookVerificationError

from agent.channels.standard import secrets_for
from agent.database import Database
from agent.desks import make_desk
from agent.endpoints import enable, send_again
from agent.errors import Conflict, NotFound
from agent.outbound import DEAD_KEPT, SENT_KEPT, due_endpoints, forget_old
from agent.settings import Settings
from agent.tables import Endpoint, OutboundEvent, utc_now
from frostdesk.queue_server import free_port
from tests.conftest import wait_for
from tests.endpoints import ABOUT, add_endpoint, change, events, happen, state_of, wait_over
from tests.receiver import Receiver
from workers import outbound
from workers.outbound import A_ROUND, LONG_FAILURE, SCHEDULE, run_endpoint

TRIAL = Settings(private_deliveries=True)
PUBLISHED = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]


def send(database: Database, endpoint: Endpoint, settings: Settings = TRIAL) -> Endpoint:
    run_endpoint(database, settings, endpoint.id)
    return state_of(database, endpoint)


def ids(receiver: Receiver) -> list[str]:
    return [headers["webhook-id"] for _, _, headers in receiver.got]


def test_an_event_arrives_once_and_verifies(database: Database, receiver: Receiver) -> None:
    endpoint = add_endpoint(database, receiver.address("204"))
    [event] = happen(database, endpoint)
    after = send(database, endpoint)
    ((_, body, headers),) = receiver.got
    said = Webhook(endpoint.secrets[0]).verify(body, headers)
    assert set(said) == {"type", "timestamp", "data"}
    assert (said["type"], said["data"]) == ("endpoint.disabled", {**ABOUT, "number": 0})
    [row] = events(database)
    assert said["timestamp"] == row.happened_at.isoformat().replace("+00:00", "Z")
    assert (headers["webhook-id"], headers["content-type"]) == (event, "application/json")
    assert (row.status, row.attempt, row.answer_status, row.error) == ("sent", 1, 204, None)
    assert row.sent_at is not None
    assert (after.lease_until, after.failing_since) == (None, None)
    send(database, endpoint)
    assert len(receiver.got) == 1


def test_a_replaced_secret_signs_beside_the_new_one_until_the_next(database: Database, receiver: Receiver) -> None:
    endpoint = add_endpoint(database, receiver.address("200"))
    first, second, third = endpoint.secrets[0], *secrets_for(None), *secrets_for(None)
    known = [{first}, {first, second}, {second, third}]
    for secrets, good in zip(([first], [second, first], [third, second]), known, strict=True):
        change(database, endpoint, secrets=secrets)
        happen(database, endpoint)
        send(database, endpoint)
        _, body, headers = receiver.got[-1]
        assert len(headers["webhook-signature"].split(" ")) == len(secrets)
        for secret in (first, second, third):
            if secret in good:
                assert Webhook(secret).verify(body, headers)
            else:
                with pytest.raises(WebhookVerificationError):
                    Webhook(secret).verify(body, headers)


def test_attempts_follow_the_published_schedule_and_end(database: Database, receiver: Receiver) -> None:
    assert list(SCHEDULE) == PUBLISHED
    endpoint = add_endpoint(database, receiver.address("500"))
    [event] = happen(database, endpoint)
    for attempt, seconds in enumerate(PUBLISHED, start=1):
        before = utc_now()
        send(database, endpoint)
        [row] = events(database)
        assert (row.status, row.attempt, row.error) == ("queued", attempt, "The endpoint answered 500.")
        assert 0.8 * seconds <= (row.due_at - before).total_seconds() <= 1.2 * seconds + 5
        send(database, endpoint)
        assert len(receiver.got) == attempt, "it is not due"
        wait_over(database)
    after = send(database, endpoint)
    [row] = events(database)
    assert (row.status, row.attempt) == ("dead", 10)
    assert after.disabled_at is None, "it has not failed for five days"
    wait_over(database)
    send(database, endpoint)
    assert ids(receiver) == [event] * 10


@pytest.mark.parametrize("status", ["404", "moved", "503", "301"])
def test_whatever_is_no_success_is_a_failure(database: Database, receiver: Receiver, status: str) -> None:
    endpoint = add_endpoint(database, receiver.address(status))
    happen(database, endpoint)
    after = send(database, endpoint)
    assert [row.status for row in events(database)] == ["queued"]
    assert after.failing_since is not None
    assert len(receiver.got) == 1, "a redirect is not followed"
    change(database, endpoint, url=receiver.address("200"))
    wait_over(database)
    after = send(database, endpoint)
    assert ([row.status for row in events(database)], after.failing_since) == (["sent"], None)


def test_what_fails_holds_up_nothing_after_it(database: Database, receiver: Receiver) -> None:
    endpoint = add_endpoint(database, receiver.address("500"))
    [bad] = happen(database, endpoint)
    send(database, endpoint)
    change(database, endpoint, url=receiver.address("200"))
    good = happen(database, endpoint, 3)
    send(database, endpoint)
    wait_over(database)
    send(database, endpoint)
    assert ids(receiver) == [bad, *good, bad]


def test_events_arrive_in_the_order_in_which_they_happened(database: Database, receiver: Receiver) -> None:
    endpoint = add_endpoint(database, receiver.address("200"))
    happened = happen(database, endpoint, A_ROUND + 2)
    assert run_endpoint(database, TRIAL, endpoint.id), "a round ends, so that other rows have their turn"
    assert ids(receiver) == happened[:A_ROUND]
    assert not run_endpoint(database, TRIAL, endpoint.id)
    assert ids(receiver) == happened


def test_an_overloaded_endpoint_rests_as_long_as_it_asks(database: Database, receiver: Receiver) -> None:
    endpoint = add_endpoint(database, receiver.address("busy"))
    happen(database, endpoint, 3)
    after = send(database, endpoint)
    assert len(receiver.got) == 1, "the others wait"
    asked = utc_now() + timedelta(seconds=600)
    for until in (after.rests_until, events(database)[0].due_at):
        assert until is not None
        assert abs((until - asked).total_seconds()) < 5
    assert after.lease_until is None
    send(database, endpoint)
    assert len(receiver.got) == 1
    for status in ("429", "502", "504"):
        change(database, endpoint, rests_until=None, url=receiver.address(status))
        wait_over(database)
        before = utc_now()
        after = send(database, endpoint)
        assert after.rests_until is not None
        assert 55 < (after.rests_until - before).total_seconds() < 65
    wait_over(database)
    change(database, endpoint, url=receiver.address("200"))
    send(database, endpoint)
    assert {row.status for row in events(database)} == {"sent"}


def test_one_that_does_not_answer_in_time_rests(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 15 <= outbound.TIMEOUT <= 30
    monkeypatch.setattr(outbound, "TIMEOUT", 0.3)
    endpoint = add_endpoint(database, receiver.address("silent"))
    happen(database, endpoint, 2)
    after = send(database, endpoint)
    assert (after.rests_until is not None, after.lease_until, len(receiver.got)) == (True, None, 1)
    assert "Timeout" in str(events(database)[0].error)


def test_one_that_cannot_be_reached_is_tried_once_a_round(database: Database) -> None:
    endpoint = add_endpoint(database, f"http://127.0.0.1:{free_port()}/")
    happen(database, endpoint, 3)
    after = send(database, endpoint)
    assert [row.attempt for row in events(database)] == [1, 0, 0]
    assert (after.rests_until, after.lease_until) == (None, None)


def test_410_disables_the_endpoint(database: Database, receiver: Receiver) -> None:
    endpoint = add_endpoint(database, receiver.address("410"))
    other = add_endpoint(database, receiver.address("200"), "other", ["endpoint.disabled"])
    first, *_ = happen(database, endpoint, 2)
    after = send(database, endpoint)
    assert len(receiver.got) == 1
    assert after.disabled_reason == "It answered 410: it wants no more events."
    waited = [row for row in events(database) if row.endpoint_id == endpoint.id]
    assert [(row.status, row.attempt) for row in waited] == [("dead", 1), ("dead", 0)]
    assert waited[1].error == "The endpoint was disabled before its turn."
    happen(database, endpoint)
    assert len([row for row in events(database) if row.endpoint_id == endpoint.id]) == 2, "it is told nothing more"
    send(database, other)
    told = [Webhook(other.secrets[0]).verify(body, headers) for path, body, headers in receiver.got if path == "/200"]
    assert {"endpoint": "ops", "reason": after.disabled_reason} in [said["data"] for said in told]

    with database.writing() as session:
        row = session.get_one(Endpoint, endpoint.id)
        with pytest.raises(Conflict, match="enable it first"):
            send_again(session, row)
        row.url = receiver.address("201")
        enable(row)
        assert send_again(session, row) == 2
    after = send(database, endpoint)
    assert (after.disabled_at, after.disabled_reason) == (None, None)
    assert [row.status for row in events(database) if row.endpoint_id == endpoint.id] == ["sent", "sent"]
    assert ids(receiver).count(first) == 2


def test_long_failure_disables_the_endpoint(database: Database, receiver: Receiver) -> None:
    endpoint = add_endpoint(database, receiver.address("500"))
    happen(database, endpoint)
    send(database, endpoint)
    ago = utc_now() - LONG_FAILURE - timedelta(minutes=1)
    change(database, endpoint, failing_since=ago)
    wait_over(database)
    assert send(database, endpoint).disabled_at is None, "there are attempts left"
    for recent, disabled in ((True, False), (False, True)):
        with database.writing() as session:
            session.execute(update(OutboundEvent).values(attempt=len(SCHEDULE), status="queued", due_at=utc_now()))
        change(database, endpoint, failing_since=ago + timedelta(hours=1) if recent else ago)
        after = send(database, endpoint)
        assert [row.status for row in events(database)] == ["dead"]
        assert (after.disabled_at is not None) is disabled
    assert after.disabled_reason == f"Nothing has arrived since {ago:%Y-%m-%d}: The endpoint answered 500."
    assert due_now(database) == []


def due_now(database: Database) -> list[str]:
    with database.reading() as session:
        return due_endpoints(session, 10)


def test_private_addresses_get_nothing_unless_allowed(database: Database, receiver: Receiver) -> None:
    for number, host in enumerate(("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0")):
        url = receiver.address("200").replace("127.0.0.1", host)
        endpoint = add_endpoint(database, url, f"private-{number}")
        [event] = happen(database, endpoint)
        send(database, endpoint, Settings())
        [row] = [row for row in events(database) if row.id == event]
        assert (row.status, row.answer_status) == ("queued", None)
        assert "is not a public address" in str(row.error)
    assert receiver.got == []


def test_a_worker_killed_before_it_noted_the_answer_costs_a_repetition(database: Database, receiver: Receiver) -> None:
    endpoint = add_endpoint(database, receiver.address("silent"))
    [event] = happen(database, endpoint)
    url = database.url.render_as_string(hide_password=False)
    program = (
        "from agent.database import Database\nfrom agent.settings import Settings\n"
        "from workers.outbound import run_endpoint\n"
        f"run_endpoint(Database({url!r}), Settings(private_deliveries=True), {endpoint.id!r})"
    )
    worker = subprocess.Popen([sys.executable, "-c", program])
    try:
        wait_for(lambda: receiver.got)
    finally:
        worker.kill()
        worker.wait()
    change(database, endpoint, url=receiver.address("200"))
    send(database, endpoint)
    assert len(receiver.got) == 1, "the dead worker still holds the endpoint"
    assert due_now(database) == []
    change(database, endpoint, lease_until=utc_now() - timedelta(seconds=1))
    assert due_now(database) == [endpoint.id]
    send(database, endpoint)
    assert ids(receiver) == [event, event]
    [row] = events(database)
    assert (row.status, row.attempt) == ("sent", 2)


def test_a_worker_that_was_late_takes_nothing_back(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = add_endpoint(database, receiver.address("500"))
    happen(database, endpoint)
    note = outbound._note

    def overtaken(*arguments: object) -> bool:
        monkeypatch.setattr(outbound, "_note", note)
        change(database, endpoint, lease_until=None, url=receiver.address("200"))
        run_endpoint(database, TRIAL, endpoint.id)
        return note(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(outbound, "_note", overtaken)
    after = send(database, endpoint)
    [row] = events(database)
    assert (row.status, row.attempt, after.lease_until) == ("sent", 2, None)


def test_what_is_removed_while_it_is_sent_is_no_trouble(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = outbound._note
    for table in (OutboundEvent, Endpoint):
        endpoint = add_endpoint(database, receiver.address("500"), table.__tablename__.replace("_", "-"))
        happen(database, endpoint)

        def removed(*arguments: object, table: type = table) -> bool:
            with database.writing() as session:
                session.execute(delete(table))
            return note(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(outbound, "_note", removed)
        run_endpoint(database, TRIAL, endpoint.id)
        assert events(database) == []


def test_one_event_is_sent_again_by_its_id_unless_it_arrived(database: Database, receiver: Receiver) -> None:
    endpoint = add_endpoint(database, receiver.address("500"))
    first, second = happen(database, endpoint, 2)
    send(database, endpoint)
    with database.writing() as session:
        session.execute(update(OutboundEvent).values(status="dead", attempt=10))
    change(database, endpoint, url=receiver.address("200"))
    with database.writing() as session:
        assert send_again(session, session.get_one(Endpoint, endpoint.id), second) == 1
    send(database, endpoint)
    assert {row.id: row.status for row in events(database)} == {first: "dead", second: "sent"}
    for unknown, wrong in ((second, Conflict), ("out_0", NotFound)):
        with pytest.raises(wrong), database.writing() as session:
            send_again(session, session.get_one(Endpoint, endpoint.id), unknown)


def test_old_events_are_forgotten(database: Database) -> None:
    endpoint = add_endpoint(database, "https://ops.example/")
    ages = {"sent": SENT_KEPT, "dead": DEAD_KEPT, "queued": DEAD_KEPT}
    with database.writing() as session:
        for status, kept in ages.items():
            for age in (kept - timedelta(hours=1), kept + timedelta(hours=1)):
                row = OutboundEvent(endpoint_id=endpoint.id, type="x", data={}, status=status, due_at=utc_now() - age)
                session.add(row)
        session.flush()
        forget_old(session)
    assert sorted(row.status for row in events(database)) == ["dead", "queued", "queued", "sent"]


def test_every_endpoint_of_a_desk_is_told_of_what_it_chose_and_no_other_desks(database: Database) -> None:
    chosen = add_endpoint(database, "https://ops.example/", "chosen", ["skill.promoted", "endpoint.disabled"])
    add_endpoint(database, "https://ops.example/", "everything")
    add_endpoint(database, "https://ops.example/", "other", ["skill.promoted"])
    with database.writing() as session:
        desk = make_desk(session, "quiet", "Quiet")
        session.add(Endpoint(desk_id=desk.id, name="quiet", url="https://x.example", secrets=secrets_for(None)))
    happen(database, chosen)
    with database.reading() as session:
        names = session.scalars(select(Endpoint.name).join(OutboundEvent)).all()
    assert sorted(names) == ["chosen", "everything"]


def test_the_receiver_that_never_begins_an_answer_is_one(receiver: Receiver) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(receiver.address("silent"), content=b"", timeout=0.2, trust_env=False)
