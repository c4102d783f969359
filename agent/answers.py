"""What to say to a message: pure, given what was read in it and what was said before."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.conversations import Past
from agent.desks import ArticleView, DeskView
from agent.escalation import Decision, Facts, decide
from agent.reading import Reading
from agent.router import Route, choose_route
from agent.tables import Turn
from agent.verdicts import moods
from skills.kinds.sentiment import asks_plainly
from skills.skill import Verdict

SUGGESTIONS = 3
PLAUSIBLE = 0.3
"""Least confidence of the search with which articles are offered to what seems out of scope. On the demo desk it
offers the right one to two thirds of the questions that the router refuses by mistake, and something to one in
seven messages that are no question for the desk (docs/decisions/0007)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a turn will say and why, before it is recorded."""

    outcome: str
    reply: str | None
    route: Route
    decision: Decision
    read_as: str
    article: ArticleView | None = None
    suggestions: tuple[ArticleView, ...] = ()
    failed: bool = False


def find_answer(desk: DeskView, reading: Reading, past: Past, wants_human: bool = False) -> Answer:
    """Decide what to say to a message: pure, given its reading and the conversation's past."""
    if not wants_human and not any(character.isalnum() for character in reading.text):
        return _ask_back(desk, reading.text)
    route = choose_route(_first(reading.verdicts.get("router", [])), desk.table)
    action = route.lead.action if route.lead else None
    in_context = action == "follow_up" and bool(reading.in_context)
    search = reading.in_context if in_context else reading.verdicts.get("faq", [])
    found = _articles(desk, reading.each) or _articles(desk, search[:1]) if action in ("faq", "follow_up") else ()
    article = found[0] if found else None
    unsure = action == "say" and not desk.may_answer(reading.verdicts["router"][0])
    mood = {verdict.label: verdict.accepted for verdict in reading.verdicts.get("sentiment", [])}
    failing = route.lead is None or unsure or (article is None and (action == "faq" or in_context))
    decision = decide(
        Facts(
            asks_for_human=wants_human or mood.get("asks_for_human", False) or asks_plainly(reading.text),
            abusive=mood.get("abusive", False),
            negative=mood.get("negative", False),
            warned_before=any(turn.outcome == "warned" for turn in past.turns),
            earlier_negative=tuple(_was_negative(turn) for turn in past.turns),
            fails=failing,
            failed_before=bool(past.turns) and past.turns[0].failed,
            rule=_rule(desk, reading.text),
            in_scope=route.lead is not None,
            hands_over=action == "hand_over",
        )
    )
    read_as = reading.text_in_context if in_context and reading.text_in_context else reading.text
    answer = Answer("silent", None, route, decision, read_as, failed=failing)
    if decision.kind == "escalate":
        return replace(answer, outcome="escalated", reply=desk.texts["escalated"], failed=False)
    if decision.kind == "warn":
        return replace(answer, outcome="warned", reply=desk.texts["warned"], failed=False)
    nearest = _nearest(desk, _first(search))
    if decision.kind == "out_of_scope":
        plausible = nearest if _first(search) and search[0].confidence >= PLAUSIBLE else ()
        return _refuse(desk, answer, "out_of_scope", plausible)
    return _follow(desk, answer, article, found[1:] if found else nearest)


def _follow(desk: DeskView, answer: Answer, article: ArticleView | None, others: tuple[ArticleView, ...]) -> Answer:
    """Do what the desk's table says about the intent.

    `others`: with an article, those of the message's further questions; without one, the nearest.
    """
    lead = answer.route.lead
    assert lead is not None
    if article is not None:
        link = f"\n\n{article.link}" if article.link else ""
        also = f"\n\n{desk.texts['also']}" if others else ""
        reply = article.answer + link + also
        return replace(answer, outcome="answered", reply=reply, article=article, suggestions=others)
    if answer.failed:
        return _refuse(desk, answer, "no_answer", others)
    if lead.action == "silent":
        return answer
    outcome = {"say": "said", "label": "labelled"}.get(lead.action, "asked_back")
    return replace(answer, outcome=outcome, reply=lead.reply or desk.texts[outcome])


def _ask_back(desk: DeskView, text: str) -> Answer:
    """Answer a message without a single word ("...", a face): nothing can be read in it, and nothing failed."""
    return Answer("asked_back", desk.texts["asked_back"], Route(None, 0.0, None), Decision("follow_route"), text)


def _was_negative(turn: Turn) -> bool:
    return "negative" in moods(turn.verdicts)


def _articles(desk: DeskView, verdicts: Sequence[Verdict]) -> tuple[ArticleView, ...]:
    """Return the articles that answer by themselves, each once, in the order of the questions."""
    sure = (desk.articles.get(verdict.label) for verdict in verdicts if desk.may_answer(verdict))
    return tuple(dict.fromkeys(article for article in sure if article))


def _refuse(desk: DeskView, answer: Answer, outcome: str, offered: tuple[ArticleView, ...]) -> Answer:
    """Say that there is no answer, and offer articles if there are any to offer."""
    reply = f"{desk.texts[outcome]} {desk.texts['nearest']}" if offered else desk.texts[outcome]
    return replace(answer, outcome=outcome, reply=reply, suggestions=offered)


def _nearest(desk: DeskView, verdict: Verdict | None) -> tuple[ArticleView, ...]:
    """Return the articles a search came nearest to, the nearest first."""
    if verdict is None:
        return ()
    slugs = [verdict.label, *(name for name, _ in verdict.runners_up)]
    return tuple(desk.articles[slug] for slug in slugs if slug in desk.articles)[:SUGGESTIONS]


def _rule(desk: DeskView, text: str) -> str | None:
    folded = text.casefold()
    return next((rule["name"] for rule in desk.rules if rule["contains"].casefold() in folded), None)


def _first(verdicts: list[Verdict]) -> Verdict | None:
    return verdicts[0] if verdicts else None
