"""A turn as it is shown: the body of the chat endpoint, of `ask --json` and of the review queue."""

from typing import Any

from sqlalchemy.orm import Session

from agent.router import Lead
from agent.tables import Article, Escalation, Message, Turn


def show_turn(session: Session, turn: Turn) -> dict[str, Any]:
    """Return what was said and decided in a turn."""
    reply = session.get(Message, turn.reply_id) if turn.reply_id else None
    return {
        "conversation_id": turn.conversation_id,
        "turn_id": turn.id,
        "outcome": turn.outcome,
        "reply": reply.text if reply else None,
        "article": _article(session, turn.desk_id, turn.article) if turn.article else None,
        "suggestions": [_article(session, turn.desk_id, slug) for slug in turn.suggestions],
        "route": {
            "intent": turn.intent,
            "confidence": turn.confidence,
            "skill": Lead(turn.leads_to).skill if turn.leads_to else None,
            "action": turn.leads_to,
        },
        "verdicts": turn.verdicts,
        "escalation": _escalation(session, turn),
        "milliseconds": turn.milliseconds,
    }


def _article(session: Session, desk_id: str, slug: str) -> dict[str, Any]:
    article = session.query(Article).filter_by(desk_id=desk_id, slug=slug).one_or_none()
    if article is None:  # removed since
        return {"slug": slug, "question": None, "link": None}
    return {"slug": article.slug, "question": article.question, "link": article.link}


def _escalation(session: Session, turn: Turn) -> dict[str, Any] | None:
    row = session.query(Escalation).filter_by(turn_id=turn.id).one_or_none()
    return {"id": row.id, "reason": row.reason, "summary": row.summary} if row else None
