"""One turn: a message comes in, is read once, and is answered, handed over or left alone.

This is the flow everything else serves. Two short transactions frame one forward; no transaction is
open while the backbone runs.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.answers import Answer, find_answer
from agent.conversations import Arrival, Past, Said, add_message, read_past, receive
from agent.desks import DeskView
from agent.errors import NotFound
from agent.escalation import Decision, summarise
from agent.office import Office
from agent.outbound import EventType, tell_of
from agent.reading import Reading, read_message
from agent.router import Route
from agent.shadows import shadow_answers
from agent.shares import in_share
from agent.tables import Conversation, Escalation, Message, Turn, new_id
from agent.turn_view import show_turn, view_of
from agent.verdicts import causing, moods, verdicts_json

ABOUT_SOMETHING = ("faq", "hand_over", "label")
"""Actions of intents that name a topic; a greeting or a vague message does not."""
AUDIT_SHARE = 0.02
"""Share of turns whose reviewed examples calibrate and gate instead of training."""
TOLD: Mapping[str, EventType] = {
    "answered": "turn.answered",
    "said": "turn.answered",
    "labelled": "turn.answered",
    "no_answer": "turn.unanswered",
    "out_of_scope": "turn.unanswered",
}
"""What a desk's endpoints are told of a turn, by its outcome."""
ERASED = "This conversation was erased while its message was being read."


def take_turn(office: Office, desk_id: str, said: Said) -> dict[str, Any]:
    """Take one customer message through the whole flow; return its turn as it is shown.

    A message that was posted before (same `client_id`) is not read again: its turn is returned. If a turn
    broke off after the message was stored, posting it again finishes it. Raises NotFound if the customer was
    erased meanwhile.
    """
    started = time.perf_counter()
    with office.database.writing() as session:
        arrival = receive(session, desk_id, said)
        past = None if arrival.turn_id else read_past(session, arrival)
    if arrival.turn_id or past is None:
        return _of_before(office, arrival)
    desk = office.releases.live.snapshot(desk_id).for_conversation(arrival.conversation_id)
    shadow: list[Any] = []
    if past.owner == "human":
        answer = Answer("silent", None, Route(None, 0.0, None), Decision("silent"), said.text)
        reading = None
    else:
        before = past.texts[0] if past.texts else None
        shown = {turn.article for turn in past.turns if turn.article}
        reading = read_message(office.reader, office.backbone, desk, said.text, before, shown)
        answer = find_answer(desk, reading, past, said.wants_human)
        shadow = [] if said.wants_human else shadow_answers(desk, reading, past)  # a candidate was not asked
    with office.database.writing() as session:
        turn = record(session, desk, arrival, answer, reading, past, shadow, started)
    office.jobs.tell("conversation", arrival.conversation_id)
    return turn or _of_before(office, arrival)


def _of_before(office: Office, arrival: Arrival) -> dict[str, Any]:
    """Return the turn that a message had already. Raises NotFound if its customer was erased meanwhile."""
    with office.database.reading() as session:
        turn = session.scalar(select(Turn).where(Turn.message_id == arrival.message_id))
        if turn is None:
            raise NotFound(ERASED)
        return show_turn(session, turn)


def record(
    session: Session,
    desk: DeskView,
    arrival: Arrival,
    answer: Answer,
    reading: Reading | None,
    past: Past,
    shadow: list[Any],
    started: float,
) -> dict[str, Any] | None:
    """Write the turn, its reply and its escalation; return the turn as it is shown.

    If a human took the conversation over while the backbone was reading, the bot stays silent. If the
    same message was finished by a repeated post meanwhile, that turn stands and nothing is returned. Raises
    NotFound if the customer was erased meanwhile; then nothing is stored.
    """
    conversation = session.get(Conversation, arrival.conversation_id, with_for_update=True)
    if conversation is None:
        raise NotFound(ERASED)
    if session.scalar(select(Turn.id).where(Turn.message_id == arrival.message_id)) is not None:
        return None
    if conversation.owner == "human":
        answer = replace(answer, outcome="silent", reply=None, article=None, suggestions=(), failed=False)
        shadow = []  # nothing was answered that it could be held against
    reply = add_message(session, conversation, "bot", answer.reply) if answer.reply else None
    turn = Turn(
        id=new_id("turn"),
        desk_id=desk.id,
        conversation_id=conversation.id,
        message_id=arrival.message_id,
        reply_id=reply.id if reply else None,
        read_as=answer.read_as,
        intent=answer.route.intent,
        confidence=answer.route.confidence,
        leads_to=answer.route.lead.action if answer.route.lead else None,
        outcome=answer.outcome,
        article=answer.article.slug if answer.article else None,
        suggestions=[article.slug for article in answer.suggestions],
        verdicts=verdicts_json(desk, reading) if reading else [],
        versions={skill.name: skill.version_id for skill in desk.skills} if reading else {},
        shadow=shadow,
        failed=answer.failed,
        milliseconds=round((time.perf_counter() - started) * 1000),
    )
    turn.audit = is_audited(turn.id)
    session.add(turn)
    session.flush()
    escalation = None
    if answer.outcome == "escalated":
        escalation = _escalate(session, conversation, turn, answer, past)
    elif turn.outcome in TOLD:
        said = {name: getattr(turn, name) for name in ("outcome", "intent", "confidence", "article", "versions")}
        tell_of(session, conversation, TOLD[turn.outcome], turn_id=turn.id, **said)
    return view_of(turn, answer.reply, desk.articles, escalation)


def is_audited(turn_id: str) -> bool:
    """Return whether a turn belongs to the uniform random audit: a fixed share, by digest of its id."""
    return in_share(turn_id, AUDIT_SHARE)


def _escalate(session: Session, conversation: Conversation, turn: Turn, answer: Answer, past: Past) -> Escalation:
    reason = answer.decision.reason
    assert reason is not None
    message = session.get_one(Message, turn.message_id)
    tried = tuple(dict.fromkeys(earlier.article for earlier in reversed(past.turns) if earlier.article))
    noticed = tuple(moods(turn.verdicts))
    cause = {"asked_for_human": "asks_for_human", "abusive": "abusive", "negative": "negative"}.get(reason)
    topic = _topic(turn, past)
    row = Escalation(
        desk_id=conversation.desk_id,
        conversation_id=conversation.id,
        turn_id=turn.id,
        reason=reason,
        verdict=causing(turn.verdicts, cause),
        first_request=past.first_text,
        last_request=message.text,
        articles_tried=list(tried),
        mood=dict.fromkeys(noticed, True),
        summary=summarise(reason, topic, past.first_text, message.text, tried, noticed),
    )
    session.add(row)
    conversation.owner = "human"
    session.flush()
    handed = {"turn_id": turn.id, "escalation_id": row.id, "reason": reason, "intent": topic}
    tell_of(session, conversation, "conversation.escalated", **handed)
    return row


def _topic(turn: Turn, past: Past) -> str | None:
    """Return what the conversation is about: the newest intent that is about something."""
    return next((t.intent for t in (turn, *past.turns) if t.leads_to in ABOUT_SOMETHING), None)
