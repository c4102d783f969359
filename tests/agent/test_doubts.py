"""Who may settle a doubt: a colleague, or oneself where there is nobody else."""

import pytest
from sqlalchemy import select, update

from agent.corrections import correct, find_skill
from agent.database import Database
from agent.desks import add_intent, make_desk
from agent.tables import Example, Turn
from tests.conversations import store_turn

DOUBT = {"rather": {"intent": "login"}}


@pytest.fixture
def desk_id(database: Database) -> str:
    """A desk with two intents."""
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        for name in ("card", "login"):
            add_intent(session, desk.id, name, {"action": "faq"})
        return desk.id


def judge(database: Database, desk_id: str, turn_id: str | None, intent: str | None, reviewer: str) -> str:
    """Judge a turn (None: a new one); return its id."""
    with database.writing() as session:
        turn = session.get_one(Turn, turn_id) if turn_id else store_turn(session, desk_id, "my thing is gone")
        correct(session, turn, find_skill(session, desk_id, "router"), {"intent": intent}, reviewer)
        return turn.id


def send_back(database: Database) -> None:
    with database.writing() as session:
        session.execute(update(Example).values(doubt=DOUBT))


def doubt(database: Database) -> dict[str, object]:
    with database.reading() as session:
        return dict(session.scalars(select(Example.doubt)).one())


def test_a_team_of_one_settles_its_own_doubts(database: Database, desk_id: str) -> None:
    turn = judge(database, desk_id, None, "card", "ana")
    send_back(database)
    judge(database, desk_id, turn, "card", "ana")
    assert doubt(database) == {"settled": "ana"}


def test_where_several_judge_it_takes_a_colleague(database: Database, desk_id: str) -> None:
    turn = judge(database, desk_id, None, "card", "ben")
    judge(database, desk_id, turn, "card", "ana")
    send_back(database)
    judge(database, desk_id, turn, "card", "ana")
    assert doubt(database) == DOUBT, "the same said again by the same account"
    judge(database, desk_id, turn, None, "ana")
    assert doubt(database) == {}, "something new is doubted anew"
    send_back(database)
    judge(database, desk_id, turn, None, "ben")
    assert doubt(database) == {"settled": "ben"}
    judge(database, desk_id, turn, "login", "ben")
    assert doubt(database) == {"settled": "ben"}, "what is settled stays settled"
