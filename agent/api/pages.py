"""The pages a browser opens: the demo site with its chat."""

from html import escape
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from sqlalchemy import select

from agent.api.deps import ServiceDep
from agent.tables import Desk

router = APIRouter(include_in_schema=False)
_CHAT = (files("agent") / "pages" / "chat.html").read_text(encoding="utf-8")


@router.get("/")
def front(service: ServiceDep) -> HTMLResponse:
    """Show the chat page of the first desk."""
    return _page(service, None)


@router.get("/chat/{slug}")
def chat_page(slug: str, service: ServiceDep) -> HTMLResponse:
    """Show a desk's chat page."""
    return _page(service, slug)


def _page(service: ServiceDep, slug: str | None) -> HTMLResponse:
    statement = select(Desk).order_by(Desk.created_at).limit(1)
    if slug is not None:
        statement = statement.where(Desk.slug == slug)
    with service.office.database.reading() as session:
        desk = session.scalar(statement)
    page = _CHAT.replace("{{name}}", escape(desk.name if desk else "No desk yet"))
    return HTMLResponse(page.replace("{{site_key}}", escape(desk.site_key if desk else "")), 200 if desk else 404)
