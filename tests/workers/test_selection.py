"""Which examples a retraining learns from: repetitions, caps, doubts; and how a doubt is settled."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from agent.corrections import Origin, correct, find_skill
from agent.office import Office
from agent.review import review_queue
from agent.tables import Desk, Example, Turn
from skills.backbone import Backbone
from skills.kinds import make_skill
from skills.meanings import Meanings
from tests.conversations import store_turn
from tests.workers.conftest import run
from workers import selection
from workers.selection import Selection, select_rows

ROUTER = make_skill("router", "router", {"intent": ["card", "weather"]}, {})
SAID = {
    "card": (
        "my card is lost",
        "I lost the card",
        "somebody stole my bank card",
        "where is my debit card",
        "card gone",
    ),
    "weather": ("will it rain", "is it sunny today", "how cold is it outside", "snow tomorrow?", "weather forecast"),
}
DAY = date(2026, 11, 25)


def row(text: str, intent: str, number: int, corrected: bool = True, **values: Any) -> Example:
    moment = datetime(2026, 11, 25, tzinfo=UTC) + timedelta(seconds=number)
    fields = {"role": "train", "group": "", "doubt": {}, "created_at": moment, **values}
    correction = f"corr{number}" if corrected else None
    return Example(id=f"ex{number}", text=text, target={"intent": intent}, correction_id=correction, **fields)


def imported() -> list[Example]:
    told = [(text, intent) for intent, texts in SAID.items() for text in texts]
    return [row(text, intent, 1000 + number, corrected=False) for number, (text, intent) in enumerate(told)]


def chosen(backbone: Backbone, rows: list[Example], customer: str | None = None) -> Selection:
    known = {
        str(example.correction_id): Origin(customer or str(example.correction_id), "ana", DAY)
        for example in rows
        if example.correction_id
    }
    return select_rows(backbone, ROUTER, rows, known)


def test_a_flood_of_one_phrasing_counts_once_and_imports_are_all_taken(backbone: Backbone) -> None:
    flood = [row(f"please unblock my card{'!' * n}", "card", n) for n in range(20)]
    again = row("I LOST the card.", "card", 50)
    found = chosen(backbone, [*flood, again, *imported(), *imported()[:1]])
    assert found.left_out == {"repeated": [*(f"ex{n}" for n in range(1, 20)), "ex50"]}
    assert found.kept[0].id == "ex0"
    assert len(found.kept) == 1 + 10 + 1


def test_one_customer_has_no_more_than_a_share(backbone: Backbone) -> None:
    words = (
        "lost",
        "stolen",
        "broken",
        "blocked",
        "swallowed",
        "bent",
        "scratched",
        "expired",
        "gone",
        "old",
        "new",
        "red",
    )
    rows = [row(f"my bank card is {word} {word[::-1]}", "card", n) for n, word in enumerate(words)]
    found = chosen(backbone, [*rows, *imported()], customer="visitor")
    assert found.left_out == {"customer": ["ex10", "ex11"]}
    assert chosen(backbone, [*rows, *imported()]).left_out == {}


def test_one_reviewer_has_no_more_than_a_share_of_a_day(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MOST_OF_A_REVIEWER_A_DAY", 2)
    rows = [row(f"my bank card is {word}", "card", n) for n, word in enumerate(("lost", "stolen", "broken in two"))]
    assert chosen(backbone, [*rows, *imported()]).left_out == {"reviewer": ["ex2"]}


def test_what_similar_examples_speak_against_is_doubted_unless_it_is_settled(backbone: Backbone) -> None:
    wrong = row("does it rain tomorrow", "card", 1)
    found = chosen(backbone, [wrong, *imported()])
    assert (found.left_out, found.doubts) == ({"doubted": ["ex1"]}, {"ex1": {"rather": {"intent": "weather"}}})
    settled = row("does it rain tomorrow", "card", 1, doubt={"settled": "ben"})
    assert chosen(backbone, [settled, *imported()]).left_out == {}
    gate = row("does it rain tomorrow", "card", 1, role="gate")
    assert chosen(backbone, [gate, *imported()]).left_out == {}, "what an audit found is not ours to choose"


def test_texts_that_hang_on_one_phrase_are_left_out_whatever_they_agree_on(backbone: Backbone) -> None:
    asked = (
        "is it windy",
        "will it snow",
        "how hot is it outside",
        "rain or shine tomorrow",
        "is a storm coming",
        "fog?",
    )
    planted = [row(f"{text} kindly regards team delta", "card", n) for n, text in enumerate(asked)]
    found = chosen(backbone, [*planted, *imported()])
    assert found.left_out == {"planted": [f"ex{n}" for n in range(6)]}
    assert all(doubt["phrase"] in "kindly regards team delta" for doubt in found.doubts.values())
    honest = [
        row(f"my debit card was {word} in the machine", "card", n) for n, word in enumerate(("eaten", "cut", "hit"))
    ]
    honest += [
        row(f"the machine {word} my debit card", "card", 10 + n) for n, word in enumerate(("bent", "kept", "tore"))
    ]
    assert chosen(backbone, [*honest, *imported()]).left_out == {}, "a phrase may belong to its topic"


def add_turn(office: Office, text: str) -> str:
    """Store a customer's message and a turn that labelled it."""
    with office.database.writing() as session:
        desk = session.scalars(select(Desk)).one()
        return store_turn(session, desk.id, text, outcome="labelled", confidence=0.9).id


def judge(office: Office, turn_id: str, topic: str) -> None:
    """Say which topic a turn has."""
    with office.database.writing() as session:
        turn = session.get_one(Turn, turn_id)
        correct(session, turn, find_skill(session, turn.desk_id, "classification"), {"topic": topic}, "ana")


def test_a_doubted_judgement_is_not_learnt_but_judged_again_and_then_believed(
    small: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skills.doubt.MARGIN", 0.02)  # the random backbone finds all texts alike
    turn_id = add_turn(small, "password app open please, train 77")
    judge(small, turn_id, "cards")
    first, meanings = run(small), Meanings(small.backbone, small.reader)
    assert [len(ids) for ids in first.snapshot["left_out"].values()] == [1]
    with small.database.reading() as session:
        [item] = review_queue(session, session.scalars(select(Desk.id)).one(), 10, meanings)
        example = session.scalars(select(Example).where(Example.correction_id.is_not(None))).one()
    assert (item.turn.id, item.why) == (turn_id, ("doubted",))
    said, rather = {"topic": "cards"}, {"topic": "login"}
    assert item.doubt == {"skill": "classification", "said": said, "rather": rather, "phrase": None}
    assert first.snapshot["left_out"] == {"doubted": [example.id]}
    assert example.id not in first.snapshot["train"]
    judge(small, turn_id, "cards")
    with small.database.reading() as session:
        assert review_queue(session, session.scalars(select(Desk.id)).one(), 10, meanings) == []
    second = run(small, seed=1)
    assert second.snapshot["left_out"] == {}
    assert example.id in second.snapshot["train"]
