"""A turn as it is shown: the body of the chat endpoint, of `ask --json` and of the review queue."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.router import Lead
from agent.tables import Article, Escalation, Message, Turn


def show_turn(session: Session, turn: Turn) -> dict[str, Any]:
    """Return what was said and decided in a turn."""
    reply, escalation = session.execute(
        select(Message.text, Escalation)
        .select_from(Turn)
        .outerjoin(Message, Turn.reply_id == Message.id)
        .outerjoin(Escalation, Escalation.turn_id == Turn.id)
        .where(Turn.id == turn.id)
    ).one()
    shown, *suggested = _articles(session, turn.desk_id, [turn.article, *turn.suggestions])
    return {
        "conversation_id": turn.conversation_id,
        "turn_id": turn.id,
        "outcome": turn.outcome,
        "reply": reply,
        "article": shown,
        "suggestions": suggested,
        "route": {
            "intent": turn.intent,
            "confidence": turn.confidence,
            "skill": Lead(turn.leads_to).skill if turn.leads_to else None,
            "action": turn.leads_to,
        },
        "verdicts": turn.verdicts,
        "escalation": _escalation(escalation) if escalation else None,
        "milliseconds": turn.milliseconds,
    }


def _articles(session: Session, desk_id: str, slugs: Sequence[str | None]) -> list[dict[str, Any] | None]:
    """Return what is shown of each article; of one that was removed since, its slug."""
    wanted = [slug for slug in slugs if slug is not None]
    if not wanted:
        return [None] * len(slugs)
    rows = session.scalars(select(Article).where(Article.desk_id == desk_id, Article.slug.in_(wanted)))
    there = {row.slug: {"slug": row.slug, "question": row.question, "link": row.link} for row in rows}
    return [there.get(slug, {"slug": slug, "question": None, "link": None}) if slug else None for slug in slugs]


def _escalation(row: Escalation) -> dict[str, Any]:
    return {"id": row.id, "reason": row.reason, "summary": row.summary}
