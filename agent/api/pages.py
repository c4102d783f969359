"""The pages a browser opens: the demo site with its chat, and the chat in a frame of somebody else's page."""

from html import escape
from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select

from agent.api.deps import ServiceDep
from agent.api.edge import SECURITY
from agent.tables import Desk

router = APIRouter(include_in_schema=False)
_PAGES = files("agent") / "pages"
_CHAT = (_PAGES / "chat.html").read_text(encoding="utf-8")
_SITE = (_PAGES / "site.html").read_text(encoding="utf-8")
_LAUNCHER = (_PAGES / "built" / "widget.js").read_bytes()
LAUNCHER_SECONDS = 300


@router.get("/")
def front(service: ServiceDep) -> HTMLResponse:
    """Show the chat page of the first desk."""
    return _filled(_CHAT, _desk(service, None))


@router.get("/chat/{slug}")
def chat_page(slug: str, service: ServiceDep) -> HTMLResponse:
    """Show a desk's chat page."""
    return _filled(_CHAT, _desk(service, slug))


@router.get("/site")
def site(service: ServiceDep, desk: str | None = None) -> HTMLResponse:
    """Show a page such as a desk's site has, with the widget in its corner; without a desk's slug that of the first."""
    return _filled(_SITE, _desk(service, desk))


@router.get("/widget.js")
def launcher() -> Response:
    """Give the script that a site puts into its pages."""
    kept = {"cache-control": f"public, max-age={LAUNCHER_SECONDS}"}
    return Response(_LAUNCHER, media_type="text/javascript", headers=kept)


@router.get("/widget/{site_key}")
def framed_chat(site_key: str, service: ServiceDep) -> HTMLResponse:
    """Show a desk's chat in a frame; browsers refuse it to pages that the desk does not allow."""
    with service.office.database.reading() as session:
        desk = session.scalar(select(Desk).where(Desk.site_key == site_key))
    answer = _filled(_CHAT, desk)
    own = "frame-ancestors 'self'"
    hosts = " ".join([own, *(desk.allowed_origins if desk else ())])
    answer.headers["content-security-policy"] = SECURITY["content-security-policy"].replace(own, hosts)
    return answer


def _desk(service: ServiceDep, slug: str | None) -> Desk | None:
    statement = select(Desk).order_by(Desk.created_at).limit(1)
    if slug is not None:
        statement = statement.where(Desk.slug == slug)
    with service.office.database.reading() as session:
        return session.scalar(statement)


def _filled(page: str, desk: Desk | None) -> HTMLResponse:
    page = page.replace("{{name}}", escape(desk.name if desk else "No desk yet"))
    return HTMLResponse(page.replace("{{site_key}}", escape(desk.site_key if desk else "")), 200 if desk else 404)
