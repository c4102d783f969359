"""What is said to a message, decided by the desk's table."""

from dataclasses import replace

import pytest

from agent.answers import PLAUSIBLE, find_answer
from agent.conversations import Past
from agent.desks import TEXTS, ArticleView, DeskView
from agent.reading import Reading, questions_of
from agent.router import Lead
from agent.tables import Turn
from skills.skill import Verdict

PIN = ArticleView("change-pin", "How do I change my PIN?", "At a cash machine.", "https://help.example/pin")
FEES = ArticleView("fees", "What does it cost?", "Nothing.", None)
DESK = DeskView(
    id="d",
    slug="d",
    name="D",
    revision=1,
    table={
        "pin": Lead("faq"),
        "fraud": Lead("hand_over"),
        "hi": Lead("say", "Hello!"),
        "more": Lead("follow_up"),
    },
    texts=TEXTS,
    rules=({"name": "lawyer", "contains": "my lawyer"},),
    articles={"change-pin": PIN, "fees": FEES},
    passages={},
    passage_index=None,
    skills=(),
)
NOBODY = Past("bot", (), "first", ())


def reading(
    intent: str = "pin",
    in_scope: bool = True,
    article: str = "change-pin",
    found: bool = True,
    moods: tuple[str, ...] = (),
    text: str = "how do I change it",
    context: str | None = None,
) -> Reading:
    search = Verdict("faq", "article", article, 0.8, found, (("fees", 0.1),))
    tone = [Verdict("sentiment", "mood", m, 0.9, m in moods) for m in ("asks_for_human", "negative", "abusive")]
    verdicts = {
        "router": [Verdict("router", "intent", intent, 0.9, in_scope)],
        "faq": [search],
        "sentiment": tone,
    }
    in_context = [Verdict("faq", "article", "fees", 0.7, True)] if context else []
    return Reading(text, context, verdicts, in_context)


def earlier(**values: object) -> Turn:
    return Turn(**{"outcome": "answered", "verdicts": [], "failed": False, "read_as": "before", **values})


def test_a_found_article_is_the_answer_with_its_link() -> None:
    answer = find_answer(DESK, reading(), NOBODY)
    assert (answer.outcome, answer.article) == ("answered", PIN)
    assert answer.reply == "At a cash machine.\n\nhttps://help.example/pin"


@pytest.mark.parametrize(
    ("lead", "outcome", "reply"),
    [
        (Lead("say", "Hi there"), "said", "Hi there"),
        (Lead("ask_back"), "asked_back", TEXTS["asked_back"]),
        (Lead("silent"), "silent", None),
        (Lead("label", "Passed on"), "labelled", "Passed on"),
        (Lead("hand_over"), "escalated", TEXTS["escalated"]),
        (Lead("faq"), "answered", "At a cash machine.\n\nhttps://help.example/pin"),
    ],
)
def test_changing_the_table_changes_the_outcome(lead: Lead, outcome: str, reply: str | None) -> None:
    desk = replace(DESK, table={**DESK.table, "pin": lead})
    answer = find_answer(desk, reading(), NOBODY)
    assert (answer.outcome, answer.reply) == (outcome, reply)


def test_an_intent_without_a_row_is_out_of_scope() -> None:
    answer = find_answer(replace(DESK, table={}), reading(), NOBODY)
    assert (answer.outcome, answer.failed) == ("out_of_scope", True)


def test_out_of_scope_is_said_and_counts_as_failed() -> None:
    answer = find_answer(DESK, reading(in_scope=False), NOBODY)
    assert (answer.outcome, answer.route.intent, answer.failed) == ("out_of_scope", None, True)


def test_no_fitting_article_names_the_nearest() -> None:
    answer = find_answer(DESK, reading(found=False), NOBODY)
    assert (answer.outcome, answer.failed) == ("no_answer", True)
    assert (answer.reply, answer.suggestions) == (f"{TEXTS['no_answer']} {TEXTS['nearest']}", (PIN, FEES))


def test_out_of_scope_offers_articles_only_where_they_are_plausible() -> None:
    near, far = reading(in_scope=False), reading(in_scope=False)
    far.verdicts["faq"] = [replace(far.verdicts["faq"][0], confidence=PLAUSIBLE / 2)]
    assert find_answer(DESK, near, NOBODY).suggestions == (PIN, FEES)
    refused = find_answer(DESK, far, NOBODY)
    assert (refused.suggestions, refused.reply) == ((), TEXTS["out_of_scope"])
    assert find_answer(DESK, reading(), NOBODY).suggestions == (), "an answer stands alone"


def test_a_second_failure_is_handed_over() -> None:
    past = replace(NOBODY, turns=(earlier(failed=True),))
    answer = find_answer(DESK, reading(in_scope=False), past)
    assert (answer.outcome, answer.decision.reason) == ("escalated", "failed_twice")


def test_a_follow_up_is_answered_from_both_messages() -> None:
    past = replace(NOBODY, turns=(earlier(),), texts=("how do I change my pin",))
    answer = find_answer(DESK, reading("more", context="how do I change my pin does it cost"), past)
    assert (answer.outcome, answer.article) == ("answered", FEES)
    assert answer.read_as == "how do I change my pin does it cost"


def test_a_follow_up_to_nothing_is_asked_back() -> None:
    assert find_answer(DESK, reading("more", found=False), NOBODY).outcome == "asked_back"


def test_a_desks_own_rule_hands_over() -> None:
    answer = find_answer(DESK, reading(text="My LAWYER will call"), NOBODY)
    assert (answer.outcome, answer.decision.reason) == ("escalated", "rule")


def test_moods_decide_before_the_route() -> None:
    assert find_answer(DESK, reading(moods=("asks_for_human",)), NOBODY).outcome == "escalated"
    assert find_answer(DESK, reading(moods=("abusive",)), NOBODY).outcome == "warned"
    assert find_answer(DESK, reading(moods=("negative",)), NOBODY).outcome == "answered"
    angry = earlier(verdicts=[{"skill": "sentiment", "label": "negative", "accepted": True}])
    assert find_answer(DESK, reading(moods=("negative",)), replace(NOBODY, turns=(angry,))).outcome == "escalated"
    warned = replace(NOBODY, turns=(earlier(outcome="warned"),))
    assert find_answer(DESK, reading(moods=("abusive",)), warned).decision.reason == "abusive"


def test_an_article_is_only_shown_where_it_keeps_the_error_budget() -> None:
    strict = replace(DESK, floors={"faq": 0.81, "router": 0.0})
    answer = find_answer(strict, reading(), NOBODY)
    assert (answer.outcome, answer.article, answer.failed) == ("no_answer", None, True)
    assert answer.suggestions == (PIN, FEES)
    assert find_answer(replace(DESK, floors={"faq": 0.79}), reading(), NOBODY).article == PIN


def test_ready_words_are_answers_too_and_keep_the_error_budget() -> None:
    answer = find_answer(replace(DESK, floors={"router": 0.95}), reading(intent="hi"), NOBODY)
    assert (answer.outcome, answer.failed) == ("no_answer", True)
    assert find_answer(replace(DESK, floors={"router": 0.85}), reading(intent="hi"), NOBODY).outcome == "said"


def test_further_questions_of_a_message_are_offered_behind_the_first_ones_article() -> None:
    each = tuple(Verdict("faq", "article", slug, 0.9, True) for slug in ("change-pin", "fees", "fees"))
    answer = find_answer(DESK, replace(reading(), each=each), NOBODY)
    assert (answer.article, answer.suggestions) == (PIN, (FEES,))
    assert answer.reply == f"At a cash machine.\n\nhttps://help.example/pin\n\n{TEXTS['also']}"


def test_a_question_nobody_can_answer_does_not_take_the_others_place() -> None:
    each = (Verdict("faq", "article", "change-pin", 0.2, False), Verdict("faq", "article", "fees", 0.9, True))
    answer = find_answer(DESK, replace(reading(found=False), each=each), NOBODY)
    assert (answer.article, answer.suggestions) == (FEES, ())


def test_a_request_in_plain_words_is_never_lost_to_a_prompt() -> None:
    answer = find_answer(DESK, reading(text="can I speak to an agent?"), NOBODY)
    assert (answer.outcome, answer.decision.reason) == ("escalated", "asked_for_human")


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("How do I pay?", []),
        ("no question at all. None.", []),
        ("How do I pay? And what does it cost?", ["How do I pay?", "And what does it cost?"]),
        ("How do I pay? Really? OK?", []),
        ("is it one? is it two? is it three? is it four?", ["is it one?", "is it two?", "is it three?"]),
        ("", []),
    ],
)
def test_a_message_is_taken_apart_at_its_question_marks(text: str, questions: list[str]) -> None:
    assert questions_of(text) == questions
