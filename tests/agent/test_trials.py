"""A candidate earns its promotion on live traffic: unseen at first, then for some conversations."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from agent import demo
from agent.conversations import Said
from agent.desks import DeskView
from agent.errors import BadInput, Conflict
from agent.office import Office
from agent.promotions import promote, rollback
from agent.reading import read_message
from agent.releases import read_artefact
from agent.shares import canary_answers
from agent.tables import Artefact, Desk, Skill, Trial, Turn, Version
from agent.trials import Plan, look_at_trial, open_trial, stop_trial, trials_under_way
from agent.turn import take_turn
from skills.calibration import ExclusiveCalibration
from skills.checkpoint import pack, unpack
from tests.conversations import store_turn

SHADOW, CANARY = Plan(shadow_turns=5, canary_conversations=0), Plan(shadow_turns=0, canary_conversations=8, share=0.5)


def texts(count: int) -> list[str]:
    return [row["text"] for row in demo.read("gate.jsonl") if row["intent"] == "card_arrival"][:count]


def desk_of(office: Office) -> DeskView:
    with office.database.reading() as session:
        desk_id = session.scalars(select(Desk.id)).one()
    office.releases.refresh(desk_id)
    return office.releases.live.snapshot(desk_id)


def candidate(office: Office, name: str, mute: bool = False) -> int:
    """Store version 2 of a skill, which is version 1 over again, or one that accepts nothing; return its number."""
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == name)).one()
        live = session.get_one(Version, skill.live_version_id)
        digest = live.digest
        if mute:
            prompt = unpack(read_artefact(office.database, digest), digest, office.backbone)
            lines = {axis: _never(line) for axis, line in prompt.calibration.items()}
            digest, content = pack(replace(prompt, calibration=lines), office.backbone.dimensions)
            session.add(Artefact(digest=digest, content=content))
            session.flush()
        session.add(Version(skill_id=skill.id, number=2, digest=digest, fingerprint=live.fingerprint))
    return 2


def _never(line: Any) -> ExclusiveCalibration:
    return replace(line, threshold=2.0)


def begin(office: Office, name: str, plan: Plan) -> str:
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == name)).one()
        version = session.scalars(select(Version).where(Version.skill_id == skill.id, Version.number == 2)).one()
        trial = open_trial(session, skill, version, plan, "ana").id
    desk_of(office)
    return trial


def look(office: Office, trial: str) -> Trial:
    with office.database.writing() as session:
        found = look_at_trial(session, trial)
    desk_of(office)
    return found


def say(office: Office, text: str) -> Turn:
    turn_id = take_turn(office, desk_of(office).id, Said(text, "chat"))["turn_id"]
    with office.database.reading() as session:
        return session.get_one(Turn, turn_id)


def number(office: Office, name: str) -> int:
    with office.database.reading() as session:
        skill = session.scalars(select(Skill).where(Skill.name == name)).one()
        return session.get_one(Version, skill.live_version_id).number


def test_a_shadow_reads_along_and_nobody_notices(office: Office) -> None:
    text = texts(1)[0]
    before = say(office, text)
    candidate(office, "router", mute=True)
    trial = begin(office, "router", SHADOW)
    turn = say(office, text)
    assert (turn.outcome, turn.article, turn.versions) == (before.outcome, before.article, before.versions)
    assert {v["version"] for v in turn.verdicts} == {1}
    [would] = turn.shadow
    assert (would["trial"], would["skill"], would["version"], would["outcome"]) == (trial, "router", 2, "out_of_scope")
    assert [v["accepted"] for v in would["verdicts"]] == [False]


@pytest.mark.parametrize("name", ["router", "faq", "sentiment", "classification"])
def test_the_same_prompt_in_the_shadow_says_the_same_of_everything(office: Office, name: str) -> None:
    candidate(office, name)
    begin(office, name, SHADOW)
    desk = desk_of(office)
    for text in ("How do I change my PIN? And where is my card? It is late", "and when will it come?"):
        read = read_message(office.reader, office.backbone, desk, text, "I ordered a card", {"card-not-arrived"})
        [shadow] = read.shadows
        assert _said(shadow.verdicts) == _said(read.verdicts)
        assert (shadow.in_context, shadow.each) == (read.in_context, read.each)


def _said(verdicts: Mapping[str, list[Any]]) -> dict[str, list[tuple[str, bool, float]]]:
    return {name: [(v.label, v.accepted, round(v.confidence, 2)) for v in said] for name, said in verdicts.items()}


def test_a_shadow_that_finds_fewer_answers_goes_back_and_a_good_one_goes_on(office: Office) -> None:
    candidate(office, "faq", mute=True)
    trial = begin(office, "faq", replace(SHADOW, shadow_turns=50))
    for text in texts(20):
        say(office, text)
    found = look(office, trial)
    assert (found.stage, number(office, "faq")) == ("returned", 1)
    assert "Where only one version found no answer, it was the candidate in" in found.reason
    assert found.figures["shadow"]["abstained"]["evidence"] >= 20
    assert desk_of(office).trials == ()


def test_what_passes_the_shadow_answers_its_share_and_then_goes_live(office: Office) -> None:
    candidate(office, "router")
    trial = begin(office, "router", Plan(shadow_turns=2, canary_conversations=3, share=0.5))
    for text in texts(2):
        say(office, text)
    assert look(office, trial).stage == "canary"
    with office.database.reading() as session:
        second = session.scalars(select(Version).where(Version.number == 2)).one().id
    answered = 0
    while answered < 3:
        turn = say(office, texts(1)[0])
        on_trial = canary_answers(trial, turn.conversation_id, 0.5)
        assert (turn.versions["router"] == second) == on_trial
        assert turn.shadow == []
        answered += on_trial
    assert look(office, trial).stage == "promoted"
    assert (number(office, "router"), desk_of(office).trials) == (2, ())
    with office.database.writing() as session:
        rollback(session, session.scalars(select(Skill).where(Skill.name == "router")).one(), "ben")
    assert number(office, "router") == 1


def test_a_conversation_stays_on_its_side(office: Office) -> None:
    candidate(office, "router")
    begin(office, "router", replace(CANARY, canary_conversations=100))
    first = say(office, texts(1)[0])
    for text in ("thank you so much", "hello", "Good morning!"):
        turn_id = take_turn(office, first.desk_id, Said(text, "chat", first.conversation_id))["turn_id"]
        with office.database.reading() as session:
            assert session.get_one(Turn, turn_id).versions == first.versions


def suffer(office: Office, trial: str, mine: int, others: int, **values: Any) -> None:
    """Store conversations that suffered: so many on the candidate's side, so many on the other."""
    desk_id, wanted = desk_of(office).id, {True: mine, False: others}
    while any(wanted.values()):
        with office.database.writing() as session:
            turn = store_turn(session, desk_id, "Hello?")
            side = canary_answers(trial, turn.conversation_id, CANARY.share)
            if wanted[side]:
                wanted[side] -= 1
                for name, value in values.items():
                    setattr(turn, name, value)
            else:
                session.delete(turn)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"outcome": "escalated"}, "were escalated"),
        ({"outcome": "no_answer", "failed": True}, "got no answer once"),
        ({"rating": "down"}, "got a thumbs-down"),
    ],
)
def test_a_canary_under_which_more_conversations_suffer_goes_back(
    office: Office, what: dict[str, Any], words: str
) -> None:
    candidate(office, "sentiment")
    trial = begin(office, "sentiment", replace(CANARY, canary_conversations=500))
    suffer(office, trial, mine=3, others=3, **what)
    assert look(office, trial).stage == "canary"
    suffer(office, trial, mine=12, others=0, **what)
    found = look(office, trial)
    assert (found.stage, number(office, "sentiment")) == ("returned", 1)
    assert found.reason.startswith(f"Of 18 conversations that {words}, 15 were the candidate's, which answers 50%")


def test_a_trial_needs_something_to_compare_and_there_is_one_at_a_time(office: Office) -> None:
    candidate(office, "router")
    trial = begin(office, "router", SHADOW)
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "router")).one()
        first, second = session.scalars(select(Version).where(Version.skill_id == skill.id).order_by(Version.number))
        with pytest.raises(BadInput, match="is live already"):
            open_trial(session, skill, first, SHADOW, "ben")
        with pytest.raises(Conflict, match="under way already"):
            open_trial(session, skill, second, SHADOW, "ben")
        with pytest.raises(Conflict, match="moved by somebody else"):
            open_trial(session, skill, second, SHADOW, "ben", against=second.id)
        with pytest.raises(BadInput, match="needs turns in the shadow"):
            open_trial(session, skill, second, Plan(0, 0), "ben")
        stop_trial(session, session.get_one(Trial, trial), "ben")
        with pytest.raises(Conflict, match="has ended already: stopped"):
            stop_trial(session, session.get_one(Trial, trial), "ben")
        assert session.get_one(Trial, trial).reason == "Stopped by ben."
        assert session.scalar(select(func.count()).select_from(Trial)) == 1


def test_a_promotion_by_hand_ends_the_trial(office: Office) -> None:
    candidate(office, "router")
    trial = begin(office, "router", SHADOW)
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "router")).one()
        second = session.scalars(select(Version).where(Version.number == 2)).one()
        promote(session, skill, second, skill.live_version_id, "ana", "by hand")
    with office.database.reading() as session:
        ended = session.get_one(Trial, trial)
        assert (ended.stage, ended.reason) == ("stopped", "Version 2 went live.")
        assert trials_under_way(session) == []
    assert desk_of(office).trials == ()


def test_a_candidate_that_does_not_verify_takes_no_part(office: Office) -> None:
    with office.database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "router")).one()
        session.add(Artefact(digest="0" * 64, content=b"no prompt"))
        session.flush()
        session.add(Version(skill_id=skill.id, number=2, digest="0" * 64, fingerprint="x"))
    begin(office, "router", SHADOW)
    turn = say(office, texts(1)[0])
    assert (turn.outcome, turn.shadow) == ("answered", [])
