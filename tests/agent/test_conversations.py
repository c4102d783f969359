"""Taking messages in, on SQLite and on PostgreSQL."""

import threading
from collections import Counter

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DataError

from agent.conversations import Said, receive
from agent.database import Database
from agent.desks import make_desk
from agent.tables import Conversation, Message


@pytest.fixture
def desk(database: Database) -> str:
    with database.writing() as session:
        return make_desk(session, "desk", "Desk").id


def arrive(database: Database, desk: str, said: Said) -> str:
    with database.writing() as session:
        return receive(session, desk, said).conversation_id


def test_a_named_first_message_starts_one_conversation_however_often_it_comes(database: Database, desk: str) -> None:
    said, found = Said("hello", "chat", client_id="1", visitor_id="vis_1"), []
    threads = [threading.Thread(target=lambda: found.append(arrive(database, desk, said))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(Counter(found).values()) == [8]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 1


def test_other_visitors_and_unnamed_messages_start_their_own(database: Database, desk: str) -> None:
    said = [
        Said("hello", "chat", client_id="1", visitor_id="vis_1"),
        Said("hello", "chat", client_id="2", visitor_id="vis_1"),
        Said("hello", "chat", client_id="1", visitor_id="vis_2"),
        Said("hello", "chat", visitor_id="vis_1"),
        Said("hello", "chat", visitor_id="vis_1"),
        Said("hello", "chat", client_id="1"),
        Said("hello", "chat", client_id="1"),
    ]
    assert len({arrive(database, desk, each) for each in said}) == len(said)


def test_a_null_character_is_data_the_database_may_refuse(database: Database, desk: str) -> None:
    """PostgreSQL does; the API answers 422 for the error it raises, whatever text it came in."""
    if database.engine.dialect.name == "sqlite":
        assert arrive(database, desk, Said("hello", "chat", client_id="a\0", visitor_id="vis_1"))
        return
    with pytest.raises(DataError):
        arrive(database, desk, Said("hello", "chat", client_id="a\0", visitor_id="vis_1"))
    with database.reading() as session, pytest.raises(DataError):
        session.get(Conversation, "a\0")
