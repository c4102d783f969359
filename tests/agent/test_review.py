"""The review queue: what teaches most comes first, and no phrasing twice."""

from typing import Protocol

import pytest

from agent.conversations import Said, add_message, receive
from agent.corrections import correct, discard, find_skill, withdraw
from agent.database import Database
from agent.desks import add_intent, make_desk
from agent.errors import NotFound
from agent.examples import add_example
from agent.review import Item, reasons, review_queue
from agent.tables import Conversation, Turn
from skills.backbone import Backbone
from skills.meanings import Meanings
from tests.conversations import store_turn


class Queue(Protocol):
    """Reads a desk's review queue."""

    def __call__(self, desk_id: str, limit: int = 50) -> list[Item]: ...


@pytest.fixture
def desk_id(database: Database) -> str:
    """A desk with two intents."""
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        for name in ("card", "login"):
            add_intent(session, desk.id, name, {"action": "faq"})
        return desk.id


def search(accepted: bool, confidence: float) -> dict[str, object]:
    return {"skill": "faq", "axis": "article", "article": "pin", "accepted": accepted, "confidence": confidence}


def add_turn(database: Database, desk_id: str, text: str, **values: object) -> str:
    with database.writing() as session:
        return store_turn(session, desk_id, text, **{"confidence": 0.99, "leads_to": "faq", **values}).id


@pytest.fixture
def queue(database: Database, backbone: Backbone) -> Queue:
    """Read a desk's queue."""
    meanings = Meanings(backbone, backbone)

    def read(desk_id: str, limit: int = 50) -> list[Item]:
        with database.reading() as session:
            return review_queue(session, desk_id, limit, meanings)

    return read


def test_what_teaches_most_comes_first(database: Database, desk_id: str, queue: Queue) -> None:
    add_turn(database, desk_id, "all is well")
    add_turn(database, desk_id, "hm, a card or a login", confidence=0.3)
    add_turn(database, desk_id, "where on earth", failed=True, outcome="no_answer", confidence=0.8)
    add_turn(database, desk_id, "wrong article entirely", rating="down")
    add_turn(database, desk_id, "somebody help", outcome="escalated")
    add_turn(database, desk_id, "picked at random", audit=True)
    add_turn(database, desk_id, "the search found nothing", verdicts=[search(accepted=False, confidence=0.9)])
    add_turn(database, desk_id, "nothing was said", outcome="silent")
    assert [(item.text, item.why) for item in queue(desk_id)] == [
        ("wrong article entirely", ("thumbs_down",)),
        ("picked at random", ("audit",)),
        ("where on earth", ("failed",)),
        ("somebody help", ("escalated",)),
        ("the search found nothing", ("disagreement",)),
        ("hm, a card or a login", ("unsure",)),
        ("all is well", ()),
    ]


def test_no_phrasing_comes_twice_and_the_first_counts_the_others(
    database: Database, desk_id: str, queue: Queue
) -> None:
    for text in ("I lost my card", "i lost my CARD!", "my card I lost"):
        add_turn(database, desk_id, text, confidence=0.5)
    add_turn(database, desk_id, "Please change my address", confidence=0.7)
    found = queue(desk_id)
    assert [item.stands_for for item in found] == [3, 1]
    assert found[1].text == "Please change my address"


def test_what_many_asked_in_vain_rises_whatever_their_words(database: Database, desk_id: str, queue: Queue) -> None:
    for text in (
        "do you insure pets?",
        "I want an insurance for my dog",
        "can cats be insured with you?",
    ):
        add_turn(database, desk_id, text, outcome="out_of_scope", leads_to=None)
    add_turn(database, desk_id, "what is the capital of Peru", outcome="out_of_scope", leads_to=None, confidence=0.8)
    found = queue(desk_id)
    assert "repeated" in found[0].why
    assert "insur" in found[0].text
    assert found[-1].text == "what is the capital of Peru"
    assert "repeated" not in found[-1].why


def test_the_turn_on_which_a_conversation_was_closed_too_early_is_worth_a_look(
    database: Database, desk_id: str, queue: Queue
) -> None:
    add_turn(database, desk_id, "all is well")
    first, last = add_turn(database, desk_id, "my card is gone"), ""
    with database.writing() as session:
        conversation = session.get_one(Conversation, session.get_one(Turn, first).conversation_id)
        message = add_message(session, conversation, "customer", "and my login is too")
        fields = {"outcome": "answered", "read_as": "x", "confidence": 0.99, "leads_to": "faq"}
        turn = Turn(desk_id=desk_id, conversation_id=conversation.id, message_id=message.id, **fields)
        session.add(turn)
        session.flush()
        conversation.status, last = "closed", turn.id
        receive(session, desk_id, Said("it does not work", "chat", conversation.id))
        assert conversation.status == "open"
    found = queue(desk_id)
    assert (found[0].turn.id, found[0].why) == (last, ("reopened",))
    assert {item.why for item in found[1:]} == {()}


def test_what_is_judged_or_known_already_is_not_asked_again(database: Database, desk_id: str, queue: Queue) -> None:
    judged, thrown, _ = (add_turn(database, desk_id, text) for text in ("judged words", "noise noise", "known text"))
    with database.writing() as session:
        skill = find_skill(session, desk_id, "router")
        correct(session, session.get_one(Turn, judged), skill, {"intent": "card"}, "ana")
        discard(session, session.get_one(Turn, thrown), skill, "ana")
        add_example(session, skill, "Known  text", {"intent": "card"}, "import", "train")
    assert queue(desk_id) == []
    disliked = add_turn(database, desk_id, "known text", rating="down")
    assert [item.turn.id for item in queue(desk_id)] == [disliked], "its answer may be wrong all the same"


def test_a_withdrawn_judgement_brings_the_turn_back(database: Database, desk_id: str, queue: Queue) -> None:
    turn_id = add_turn(database, desk_id, "once more")
    with database.writing() as session:
        skill = find_skill(session, desk_id, "router")
        withdraw(session, correct(session, session.get_one(Turn, turn_id), skill, {"intent": "card"}, "ana"))
    assert [item.turn.id for item in queue(desk_id)] == [turn_id]


def test_the_limit_holds_and_an_unknown_desk_is_named(database: Database, desk_id: str, queue: Queue) -> None:
    for place in range(5):
        add_turn(database, desk_id, f"{'abcde'[place] * 9} {place * 1111}")
    assert len(queue(desk_id, 3)) == 3
    with pytest.raises(NotFound):
        queue("desk_gone")


def test_a_tired_router_and_a_sure_search_disagree() -> None:
    turn = Turn(confidence=0.9, leads_to=None, outcome="out_of_scope", verdicts=[search(True, 0.9)])
    assert reasons(turn) == ("disagreement",)
