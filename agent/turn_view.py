"""A turn as it is shown: the body of the chat endpoint, of `ask --json` and of the review queue."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.desks import ArticleView
from agent.router import Lead
from agent.tables import Article, Escalation, Message, Turn


def show_turn(session: Session, turn: Turn) -> dict[str, Any]:
    """Return what was said and decided in a turn of before; of an article that was removed since, its slug."""
    wanted = [slug for slug in (turn.article, *turn.suggestions) if slug is not None]
    rows = session.scalars(select(Article).where(Article.desk_id == turn.desk_id, Article.slug.in_(wanted)))
    articles = {row.slug: row for row in rows} if wanted else {}
    reply = session.get_one(Message, turn.reply_id).text if turn.reply_id else None
    handed = turn.outcome == "escalated"
    escalation = session.scalar(select(Escalation).where(Escalation.turn_id == turn.id)) if handed else None
    return view_of(turn, reply, articles, escalation)


def view_of(
    turn: Turn, reply: str | None, articles: Mapping[str, Article | ArticleView], escalation: Escalation | None
) -> dict[str, Any]:
    """Return what was said and decided in a turn; `articles` are those there are, by slug."""
    return {
        "conversation_id": turn.conversation_id,
        "turn_id": turn.id,
        "outcome": turn.outcome,
        "reply": reply,
        "article": _article(turn.article, articles) if turn.article else None,
        "suggestions": [_article(slug, articles) for slug in turn.suggestions],
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


def _article(slug: str, articles: Mapping[str, Article | ArticleView]) -> dict[str, Any]:
    known = articles.get(slug)
    return {"slug": slug, "question": known.question if known else None, "link": known.link if known else None}


def _escalation(row: Escalation) -> dict[str, Any]:
    return {"id": row.id, "reason": row.reason, "summary": row.summary}
