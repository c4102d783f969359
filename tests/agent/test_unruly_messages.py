"""Messages as people really write them, read by the demo desk's shipped prompts."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from agent.conversations import Said
from agent.desks import TEXTS
from agent.office import Office
from agent.reading import read_message
from agent.tables import Desk, Message, Turn
from agent.turn import take_turn
from skills.index import build_index


def say(office: Office, text: str) -> dict[str, Any]:
    with office.database.reading() as session:
        desk_id = session.scalars(select(Desk.id)).one()
    return take_turn(office, desk_id, Said(text, "chat", None, None))


def article(turn: dict[str, Any]) -> str | None:
    return turn["article"]["slug"] if turn["article"] else None


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("my crd hasnt arived yet", "card-not-arrived"),
        ("my card hasnt arrvied", "card-not-arrived"),
        ("whats teh fee for atm withdrawls abroad", "withdrawal-fees"),
        ("how do i chnage my pin", "change-pin"),
        ("how do I chagne my PIN numbre?", "change-pin"),
    ],
)
def test_slips_of_the_hand_do_not_hide_a_question(office: Office, text: str, slug: str) -> None:
    assert article(say(office, text)) == slug


def test_what_was_typed_is_kept_as_it_was(office: Office) -> None:
    turn = say(office, "my crd hasnt arived yet")
    with office.database.reading() as session:
        row = session.get_one(Turn, turn["turn_id"])
        assert row.read_as == "my crd hasnt arived yet"
        assert session.get_one(Message, row.message_id).text == "my crd hasnt arived yet"


@pytest.mark.parametrize("text", ["HOW DO I CHANGE MY PIN?", "how do i change my pin", "How Do I Change My Pin"])
def test_casing_changes_nothing(office: Office, text: str) -> None:
    assert article(say(office, text)) == "change-pin"


@pytest.mark.parametrize(
    "text",
    [
        "hi there! how do I change my PIN?",
        "Hello, hope you are well. How do I change my PIN?",
        "how do I change my PIN? thanks a lot!!",
        "Good morning,\n\nhow do I change my PIN?\n\nBest regards\nAnna",
    ],
)
def test_courtesies_around_a_question_do_not_hide_it(office: Office, text: str) -> None:
    assert article(say(office, text)) == "change-pin"


def test_a_second_question_in_a_message_is_offered_too(office: Office) -> None:
    turn = say(office, "How do I change my PIN? And my card still has not arrived, where is it?")
    assert article(turn) == "change-pin"
    assert [offer["slug"] for offer in turn["suggestions"]] == ["card-not-arrived"]
    assert turn["reply"].endswith(TEXTS["also"])


def test_several_questions_to_a_desk_without_articles_find_none(office: Office) -> None:
    with office.database.reading() as session:
        desk = office.releases.live.snapshot(session.scalars(select(Desk.id)).one())
    nothing = build_index(office.backbone, {})
    skills = tuple(replace(skill, index=nothing) if skill.index else skill for skill in desk.skills)
    asked = "How do I change my PIN? And where is my new card?"
    reading = read_message(office.reader, office.backbone, replace(desk, skills=skills), asked, None)
    assert (reading.each, reading.verdicts["faq"], reading.in_context) == ((), [], [])


@pytest.mark.parametrize(
    "text",
    [
        "Wo finde ich ein gutes Restaurant in der Nähe?",
        "quel temps fera-t-il demain ?",
        "明日の天気はどうですか",
        "🙂🙂🙂",
        "asdf qwer zxcv",
        "١٢٣٤٥",
    ],
)
def test_what_nobody_could_understand_is_not_answered_with_an_article(office: Office, text: str) -> None:
    turn = say(office, text)
    assert turn["outcome"] in ("out_of_scope", "no_answer", "asked_back", "said")
    assert article(turn) is None
    assert turn["reply"]


@pytest.mark.parametrize("text", ["...", "?", "!!!", "🤷", "👍", "😡😡😡", "— ; —"])
def test_a_message_without_a_word_is_asked_back_about_and_counts_as_nothing(office: Office, text: str) -> None:
    turn = say(office, text)
    assert turn["outcome"] == "asked_back"
    assert turn["reply"]
    with office.database.reading() as session:
        assert not session.get_one(Turn, turn["turn_id"]).failed


@pytest.mark.parametrize(
    "text",
    [
        "\x07",
        "\x1b[31mhow do I change my PIN\x1b[0m",
        "\ufeffhow do I\u202e change\u2028my\x85PIN\x7f",
        "\u200b\u200d\u2060",
        "\ufffe\U0010ffff",
        "\x01" * 5000,
        "e" + "\u0301" * 2000,
    ],
)
def test_control_characters_are_kept_and_break_nothing(office: Office, text: str) -> None:
    turn = say(office, text)
    assert turn["reply"]
    with office.database.reading() as session:
        row = session.get_one(Turn, turn["turn_id"])
        assert session.get_one(Message, row.message_id).text == text


def test_five_thousand_characters_are_read_as_far_as_they_go(office: Office) -> None:
    turn = say(office, "How do I change my PIN? " + "I have tried and tried and it did not work. " * 113)
    assert turn["outcome"] in ("answered", "no_answer", "out_of_scope", "escalated")
    assert turn["reply"]


def test_nothing_but_one_word_over_and_over_is_survived(office: Office) -> None:
    assert say(office, "help " * 1000)["reply"]
    assert say(office, "x" * 5000)["reply"]
