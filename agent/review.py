"""The review queue: of all turns nobody judged, those that teach most, and no phrasing twice."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session, aliased

from agent.desks import find_desk
from agent.examples import text_digest
from agent.phrasings import count_alike, has_alike
from agent.redaction import redact
from agent.tables import Conversation, Correction, Example, Message, Skill, Turn
from skills.meanings import Meanings

POOL = 1000
"""Newest turns nobody judged, among which the queue chooses."""
SAME_WORDS = 88.0
"""Token-sorted similarity (0 to 100) from which two messages are the same phrasing."""
SAME_TOPIC = 0.6
"""Cosine (of the bare backbone) from which two messages without an answer ask for the same thing. Among messages of 20
intents of BANKING77 64 % of such pairs are of one intent, among CLINC150's, with its out-of-scope ones, 97 %."""
WEIGHTS = {
    "thumbs_down": 4.0,
    "doubted": 3.5,
    "audit": 3.0,
    "reopened": 2.5,
    "escalated": 2.0,
    "failed": 2.0,
    "disagreement": 1.5,
    "repeated": 1.0,
}
"""What a reason to look at a turn adds. `repeated` counts once for each doubling of those who asked the same in
vain; on top of all comes up to `UNSURE` for what the skills were least sure of."""
UNSURE = 2.0
UNSURE_BELOW = 0.6


@dataclass(frozen=True, slots=True)
class Item:
    """A turn to judge: the customer's words, why it is worth it, and how many messages it stands for.

    `doubt`: an earlier judgement that its neighbours speak against, as {"skill", "said", "rather", "phrase"}; with a
    phrase, the judgement of many texts seems to hang on it alone.
    """

    turn: Turn
    text: str
    why: tuple[str, ...]
    stands_for: int
    doubt: Mapping[str, Any] | None


def review_queue(session: Session, desk_id: str, limit: int, meanings: Meanings) -> list[Item]:
    """Return what to judge next, most instructive first. Raises NotFound for a desk that is not there.

    A text that is an example of the router already is left out unless its answer was disliked. Of equal phrasings
    the first stands for all. A judged turn comes back if a retraining found that its neighbours speak against the
    judgement.
    """
    find_desk(session, None, desk_id)
    doubts = _doubts(session, desk_id)
    pool, reopened = _unjudged(session, desk_id, doubts), _reopened(session, desk_id)
    in_vain = [text for turn, text in pool if _in_vain(turn)]
    asked = dict(zip(in_vain, meanings.count_near(in_vain, SAME_TOPIC), strict=True))
    weighed = sorted(
        (
            (_weight(turn, asked.get(text, 1), turn.id in doubts, turn.id in reopened), turn, text)
            for turn, text in pool
        ),
        key=lambda row: (-row[0], row[1].id),
    )
    turns: list[Turn] = []
    texts: list[str] = []
    for _, turn, text in weighed:
        if len(turns) == limit:
            break
        if not has_alike(text, texts, SAME_WORDS):
            turns.append(turn)
            texts.append(text)
    counts = count_alike(texts, [text for _, text in pool], SAME_WORDS)
    return [
        Item(
            turn,
            text,
            reasons(turn, asked.get(text, 1), turn.id in doubts, turn.id in reopened),
            count,
            doubts.get(turn.id),
        )
        for turn, text, count in zip(turns, texts, counts, strict=True)
    ]


def reasons(turn: Turn, asked: int = 1, doubted: bool = False, reopened: bool = False) -> tuple[str, ...]:
    """Return why a turn is worth a look, the strongest reason first; `asked`: how many asked the same in vain.

    `reopened`: the conversation was closed on it, and its customer came back.
    """
    holds = {
        "thumbs_down": turn.rating == "down",
        "doubted": doubted,
        "audit": turn.audit,
        "reopened": reopened,
        "escalated": turn.outcome == "escalated",
        "failed": turn.failed,
        "disagreement": _disagree(turn),
        "repeated": asked > 1,
        "unsure": _confidence(turn) < UNSURE_BELOW,
    }
    return tuple(reason for reason, held in holds.items() if held)


def _doubts(session: Session, desk_id: str) -> dict[str, Mapping[str, Any]]:
    """Return, by turn, the standing judgements in doubt."""
    rows = session.execute(
        select(Correction.turn_id, Skill.name, Example.target, Example.doubt)
        .join(Example, Example.correction_id == Correction.id)
        .join(Skill, Correction.skill_id == Skill.id)
        .where(Correction.desk_id == desk_id, cast(Example.doubt, String).contains('"rather"'))
    )
    return {turn: {"skill": skill, "said": said, "phrase": None, **doubt} for turn, skill, said, doubt in rows}


def _unjudged(session: Session, desk_id: str, doubts: Collection[str]) -> list[tuple[Turn, str]]:
    """Return the newest turns to judge with their texts, but for texts that are judged examples."""
    judged = select(Correction.turn_id).where(
        Correction.desk_id == desk_id, Correction.ended_at.is_(None), Correction.turn_id.not_in(doubts)
    )
    rows = session.execute(
        select(Turn, Message.text)
        .join(Message, Turn.message_id == Message.id)
        .where(Turn.desk_id == desk_id, Turn.outcome != "silent", Turn.id.not_in(judged))
        .order_by(Turn.created_at.desc(), Turn.id)
        .limit(POOL)
    ).all()
    digests = {turn.id: text_digest(redact(text)) for turn, text in rows}
    known = set(
        session.scalars(
            select(Example.digest)
            .join(Skill)
            .where(Skill.desk_id == desk_id, Skill.kind == "router", Example.digest.in_(digests.values()))
        )
    )
    return [
        (turn, text)
        for turn, text in rows
        if turn.id in doubts or turn.rating == "down" or digests[turn.id] not in known
    ]


def _reopened(session: Session, desk_id: str) -> set[str]:
    """Return, of every conversation whose customer came back after it was closed, the last turn before that."""
    later = aliased(Turn)
    last = (
        select(func.max(later.created_at))
        .where(later.conversation_id == Conversation.id, later.created_at < Conversation.reopened_at)
        .scalar_subquery()
    )
    statement = select(Turn.id).join(Conversation, Turn.conversation_id == Conversation.id)
    return set(session.scalars(statement.where(Turn.desk_id == desk_id, Turn.created_at == last)))


def _weight(turn: Turn, asked: int, doubted: bool, reopened: bool) -> float:
    found = sum(WEIGHTS.get(reason, 0.0) for reason in reasons(turn, doubted=doubted, reopened=reopened))
    return found + WEIGHTS["repeated"] * math.log2(asked) + UNSURE * (1 - _confidence(turn))


def _confidence(turn: Turn) -> float:
    """Return how sure the least sure of those skills was that the reply hung on."""
    search, route = _search(turn), 1.0 if turn.confidence is None else turn.confidence
    return min(route, float(search["confidence"])) if search and turn.leads_to == "faq" else route


def _disagree(turn: Turn) -> bool:
    """Return whether the router and the search disagree that the desk has an answer."""
    search = _search(turn)
    if search is None or turn.leads_to not in (None, "faq"):
        return False
    return bool(search["accepted"]) != (turn.leads_to == "faq")


def _search(turn: Turn) -> Mapping[str, Any] | None:
    """Return the search's verdict on the message alone."""
    return next((v for v in turn.verdicts if v["axis"] == "article" and not v.get("in_context")), None)


def _in_vain(turn: Turn) -> bool:
    return turn.outcome in ("out_of_scope", "no_answer")
