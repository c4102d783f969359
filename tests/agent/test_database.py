"""The database's shape and transactions."""

import threading
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from agent.corrections import correct
from agent.database import Database, normal_url
from agent.desks import add_intent, make_desk
from agent.errors import Unavailable
from agent.installation import own_secret
from agent.schema_revision import HEAD, alembic_config, migrate, wait_for_revision
from agent.tables import (
    Connection,
    Conversation,
    Correction,
    Delivery,
    Desk,
    Endpoint,
    Erasure,
    Example,
    InboundEvent,
    OutboundEvent,
    Retraining,
    Skill,
    Table,
)
from tests.conversations import store_turn


def test_the_code_names_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(alembic_config("")).get_heads() == [HEAD]


def test_migrations_make_exactly_the_tables_of_the_code(empty_url: str) -> None:
    migrate(empty_url)
    command.check(alembic_config(empty_url))


def test_down_and_up_again_with_rows(empty_url: str) -> None:
    migrate(empty_url)
    database = Database(empty_url, pool=2)
    with database.writing() as session:
        make_desk(session, "d", "D")
    command.downgrade(alembic_config(empty_url), "base")
    assert set(inspect(database.engine).get_table_names()) == {"alembic_version"}
    migrate(empty_url)
    with database.reading() as session:
        assert session.scalars(select(Desk)).all() == []
    assert set(Table.metadata.tables) <= set(inspect(database.engine).get_table_names())
    database.close()


def test_tables_made_anew_keep_the_rows_that_refer_to_them(empty_url: str) -> None:
    migrate(empty_url)
    database = Database(empty_url, pool=2)
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        skill = session.scalars(select(Skill).where(Skill.desk_id == desk.id, Skill.name == "router")).one()
        add_intent(session, desk.id, "card", {"action": "faq"})
        turn = store_turn(session, desk.id, "my card")
        correct(session, turn, skill, {"intent": "card"}, "ana")
    command.downgrade(alembic_config(empty_url), "0001")
    migrate(empty_url)
    with database.reading() as session:
        assert session.scalars(select(Example.text)).all() == ["my card"]
        assert session.scalars(select(Correction.action)).all() == ["relabelled"]
    database.close()


def test_erasures_come_and_go_and_leave_every_other_row_and_constraint(empty_url: str) -> None:
    migrate(empty_url, "0005")
    database = Database(empty_url, pool=2)
    shape = shape_of(database)
    with database.writing() as session:
        session.execute(
            text(
                "INSERT INTO desks (id, slug, name, site_key, allowed_origins, texts, policy, revision, created_at) "
                "VALUES ('desk_1', 'd', 'D', 'pk', '[]', '{}', '{}', 1, '2026-01-01')"
            )
        )
        session.execute(
            text(
                "INSERT INTO skills (id, desk_id, name, kind, labels, retrain_after, created_at) "
                "VALUES ('skill_1', 'desk_1', 'router', 'router', '{}', 0, '2026-01-01')"
            )
        )
        session.execute(
            text(
                "INSERT INTO retrainings (id, skill_id, status, trigger, actor, seed, attempt, cancel_asked, snapshot, "
                "progress, decision, created_at) "
                "VALUES ('ret_1', 'skill_1', 'queued', 'call', 'ana', 0, 0, false, '{}', '{}', '{}', '2026-01-01')"
            )
        )
    migrate(empty_url)
    with database.writing() as session:
        run = session.scalars(select(Retraining)).one()
        assert (run.id, run.erased_examples) == ("ret_1", [])
        session.add(Erasure(desk_id="desk_1", subject="visitor", id_hash="h", actor="ana"))
    for wrong in (Erasure(desk_id="desk_1", subject="cat", id_hash="h", actor="a"), Retraining(skill_id="skill_1")):
        with pytest.raises(IntegrityError), database.writing() as session:
            session.add(wrong)
    database.close()
    command.downgrade(alembic_config(empty_url), "0005")
    assert shape_of(database) == shape
    with database.reading() as session:
        assert session.scalars(text("SELECT id FROM retrainings")).all() == ["ret_1"]
    migrate(empty_url)
    command.check(alembic_config(empty_url))
    database.close()


def test_events_that_wait_learn_their_ticket(empty_url: str) -> None:
    migrate(empty_url, "0008")
    database = Database(empty_url, pool=2)
    bodies = {"evt_1": b'{"data": {"ticket_id": "T1"}}', "evt_2": b"no json", "evt_3": b'{"data": {"ticket_id": 7}}'}
    with database.writing() as session:
        session.execute(
            text(
                "INSERT INTO desks (id, slug, name, site_key, allowed_origins, texts, policy, revision, created_at) "
                "VALUES ('desk_1', 'd', 'D', 'pk_1', '[]', '{}', '{}', 1, '2026-01-01')"
            )
        )
        session.execute(
            text(
                "INSERT INTO connections (id, desk_id, name, kind, secrets, created_at) "
                "VALUES ('con_1', 'desk_1', 'c', 'standard', '[]', '2026-01-01')"
            )
        )
        for name, body in bodies.items():
            session.execute(
                text(
                    "INSERT INTO inbound_events (id, connection_id, event_id, body, status, attempt, received_at) "
                    "VALUES (:name, 'con_1', :name, :body, 'queued', 0, '2026-01-01')"
                ),
                {"name": name, "body": body},
            )
    migrate(empty_url)
    with database.reading() as session:
        found = session.execute(select(InboundEvent.id, InboundEvent.ticket_id, InboundEvent.body)).all()
    assert {row.id: row.ticket_id for row in found} == {"evt_1": "T1", "evt_2": None, "evt_3": "7"}
    command.downgrade(alembic_config(empty_url), "0008")
    with database.reading() as session:
        assert dict(session.execute(text("SELECT id, body FROM inbound_events")).all()) == bodies
    database.close()


def test_what_only_newer_code_sends_goes_with_it(empty_url: str) -> None:
    migrate(empty_url)
    database = Database(empty_url, pool=2)
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        conversation = Conversation(desk_id=desk.id, channel="chatwoot")
        kinds = [Connection(desk_id=desk.id, name=kind, kind=kind) for kind in ("standard", "chatwoot")]
        session.add_all([conversation, *kinds])
        session.flush()
        conversation.connection_id = kinds[1].id
        for connection, statuses in zip(kinds, (("sent", "skipped"), ("queued",)), strict=True):
            event = InboundEvent(connection_id=connection.id, event_id="e", body=b"{}")
            session.add(event)
            session.flush()
            links = {"connection_id": connection.id, "conversation_id": conversation.id, "inbound_event_id": event.id}
            for place, status in enumerate(statuses):
                action = "handled" if connection.kind == "standard" else "reply"
                session.add(Delivery(**links, position=place, action=action, status=status, payload={}))
    command.downgrade(alembic_config(empty_url), "0009")
    with database.reading() as session:
        left = [session.scalar(text(f"SELECT count(*) FROM {name}")) for name in ("connections", "inbound_events")]
        assert (left, session.scalars(text("SELECT status FROM deliveries")).all()) == ([1, 1], ["sent"])
    migrate(empty_url)
    with database.reading() as session:
        [row] = session.scalars(select(Connection))
        assert (row.kind, row.mode, row.credentials) == ("standard", "answer", {})
        assert session.scalars(select(Conversation.connection_id)).all() == [None]
    command.check(alembic_config(empty_url))
    database.close()


def test_endpoints_come_and_go_with_their_events(empty_url: str) -> None:
    migrate(empty_url, "0012")
    database = Database(empty_url, pool=2)
    shape = shape_of(database)
    migrate(empty_url)
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        endpoint = Endpoint(desk_id=desk.id, name="ops", url="https://ops.example", secrets=["whsec_x"])
        session.add_all([endpoint, Conversation(desk_id=desk.id, channel="chat")])
        session.flush()
        talk = session.scalars(select(Conversation.id)).one()
        session.add(OutboundEvent(endpoint_id=endpoint.id, conversation_id=talk, type="conversation.closed", data={}))
    for wrong in ({"status": "lost"}, {"endpoint_id": "end_0"}):
        with pytest.raises(IntegrityError), database.writing() as session:
            session.add(OutboundEvent(**{"endpoint_id": endpoint.id, "type": "x", "data": {}, **wrong}))
    database.close()
    command.downgrade(alembic_config(empty_url), "0012")
    assert shape_of(database) == shape
    migrate(empty_url)
    with database.reading() as session:
        assert session.scalars(select(Conversation.id)).all() == [talk]
        assert session.scalars(select(Endpoint)).all() == []
    command.check(alembic_config(empty_url))
    database.close()


def shape_of(database: Database) -> dict[str, object]:
    """Every table's columns, checks, keys and indexes, by their names."""
    seen = inspect(database.engine)
    return {
        table: [
            [str(column["name"]) for column in seen.get_columns(table)],
            *[
                sorted(str(found["name"]) for found in read(table))
                for read in (seen.get_check_constraints, seen.get_foreign_keys, seen.get_unique_constraints)
            ],
            sorted(str(index["name"]) for index in seen.get_indexes(table)),
        ]
        for table in seen.get_table_names()
    }


def test_a_process_waits_for_the_right_shape_and_says_what_to_do(empty_url: str) -> None:
    database = Database(empty_url, pool=2)
    with pytest.raises(Unavailable, match="run 'frostdesk migrate'"):
        wait_for_revision(database, seconds=0)
    thread = threading.Thread(target=migrate, args=(empty_url,))
    thread.start()
    wait_for_revision(database, seconds=30)
    thread.join()
    database.close()


def test_writing_commits_at_the_end_and_rolls_back_on_an_error(database: Database) -> None:
    with database.writing() as session:
        make_desk(session, "kept", "K")
    with pytest.raises(RuntimeError), database.writing() as session:
        make_desk(session, "lost", "L")
        raise RuntimeError
    with database.reading() as session:
        assert list(session.scalars(select(Desk.slug))) == ["kept"]


def test_two_writers_queue_instead_of_failing(database: Database) -> None:
    with database.writing() as session:
        make_desk(session, "d", "D")

    def count_up() -> None:
        for _ in range(20):
            with database.writing() as session:
                desk = session.scalars(select(Desk).with_for_update()).one()
                desk.revision += 1

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        assert session.scalars(select(Desk.revision)).one() == 81


def test_threads_that_write_to_sqlite_wait_for_each_other_and_not_for_its_naps(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'queue.db'}"
    migrate(url)
    database, entered = Database(url, pool=3), threading.Event()

    def write() -> None:
        with database.writing():
            entered.set()

    second = threading.Thread(target=write)
    with database.writing():
        second.start()
        # It has not begun: had it, SQLite would have it sleep before it looks again.
        assert not entered.wait(0.2)
    assert entered.wait(30)
    second.join()
    database.close()


def test_an_error_does_not_carry_what_was_being_stored(database: Database) -> None:
    with pytest.raises(Exception) as failed, database.writing() as session:  # noqa: PT011
        session.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": "a customer's words"})
    assert "customer's words" not in str(failed.value)


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("sqlite:///x.db", "sqlite"),
    ],
)
def test_urls_get_the_driver_we_use(given: str, driver: str) -> None:
    assert normal_url(given).drivername == driver


def test_processes_that_start_at_once_make_one_secret(database: Database) -> None:
    made, both = list[bytes](), threading.Barrier(4)

    def start() -> None:
        both.wait()
        with database.writing() as session:
            made.append(own_secret(session, "visitor_secret"))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1
