"""The tools that MCP clients call; each takes its arguments and returns a JSON object."""

from collections.abc import Callable
from typing import Any

from agent.api.deps import Service, Speaker
from agent.api.schemas.base import Schema
from agent.api.schemas.mcp import Classify, DraftReply, Escalate, SearchArticles
from agent.api.turns import spend, tell, thread_of
from agent.conversations import Said
from agent.drafts import draft, ranking

Tool = Callable[[Service, Speaker, Any], dict[str, Any]]


def search_articles(service: Service, speaker: Speaker, asked: SearchArticles) -> dict[str, Any]:
    """Return the articles nearest to a question."""
    spend(service, speaker)
    reading, _ = draft(service.office, speaker.desk_id, asked.query)
    known = service.office.releases.live.snapshot(speaker.desk_id).articles
    near = [(known[slug], sure) for slug, sure in ranking(reading.verdicts.get("faq", [])) if slug in known]
    found = [
        {"slug": row.slug, "question": row.question, "answer": row.answer, "link": row.link, "confidence": sure}
        for row, sure in near
    ]
    return {"articles": found}


def classify(service: Service, speaker: Speaker, asked: Classify) -> dict[str, Any]:
    """Return the intent the router reads in a text, and the nearest ones."""
    spend(service, speaker)
    reading, answer = draft(service.office, speaker.desk_id, asked.text)
    near = [{"intent": name, "confidence": sure} for name, sure in ranking(reading.verdicts.get("router", []))]
    return {"intent": answer.route.intent, "confidence": answer.route.confidence, "ranking": near}


def draft_reply(service: Service, speaker: Speaker, asked: DraftReply) -> dict[str, Any]:
    """Return what would be said to a message."""
    spend(service, speaker)
    _, answer = draft(service.office, speaker.desk_id, asked.message)
    return {
        "outcome": answer.outcome,
        "reply": answer.reply,
        "article": answer.article.slug if answer.article else None,
        "suggestions": [article.question for article in answer.suggestions],
    }


def escalate(service: Service, speaker: Speaker, asked: Escalate) -> dict[str, Any]:
    """Store a message and hand its conversation over; `silent` if a human has it already."""
    thread = thread_of(speaker, asked.conversation)
    said = Said(asked.message, "mcp", client_id=asked.message_id, thread=thread, wants_human=True)
    turn = tell(service, speaker, said)
    return {name: turn[name] for name in ("conversation_id", "turn_id", "outcome", "reply", "escalation")}


TOOLS: dict[str, tuple[type[Schema], Tool]] = {
    "search_articles": (SearchArticles, search_articles),
    "classify": (Classify, classify),
    "draft_reply": (DraftReply, draft_reply),
    "escalate": (Escalate, escalate),
}
