"""The composition root of the API: settings in, application out."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio.to_thread
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from sqlalchemy import select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from agent.api import chat, connections, desks, handover, health, learning, pages
from agent.api.deps import Service
from agent.api.edge import Edge, problem
from agent.api.origins import Origins
from agent.api.schemas.base import ProblemAnswer
from agent.database import Database
from agent.errors import AgentError, TooMany
from agent.limits import Limits
from agent.logs import configure_logging
from agent.office import Office, close_office, open_office
from agent.schema_revision import wait_for_revision
from agent.settings import Settings
from agent.streams import Streams
from agent.tables import Desk
from agent.tokens import signing_secret
from agent.watcher import Watcher

log = structlog.get_logger(__name__)
BODY_BYTES = 64 * 1024
WARM_DESKS = 20
DESCRIPTION = """
One frozen language model answers for many support desks; each desk's skills are small tuned prompts.

* **Chat**: `POST /v1/chat/session` with a desk's site key gives a visitor's token;
  `POST /v1/chat` takes a message.
* **Admin**: everything under `/v1/admin` needs `Authorization: Bearer fd_...`.
* **Webhooks**: helpdesks post signed ticket events to `/webhooks/standard/{connection_id}`.

Every error is `{"error": {"code", "message", "request_id"}}`.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; its lifespan opens and closes everything it works with."""
    settings = settings or Settings()
    configure_logging(settings.log_json)
    origins = Origins(Database(settings.database, pool=1))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.threads
        office = await anyio.to_thread.run_sync(_ready_office, settings)
        streams = Streams()
        with office.database.writing() as session:
            secret = signing_secret(session)
        app.state.service = Service(settings, office, streams, Limits(settings.redis_url), secret)
        watcher = Watcher(office, streams, origins.refresh, settings.redis_url, settings.poll_seconds)
        watcher.start()
        log.info("api_ready", backbone=office.backbone.name, fingerprint=office.backbone.fingerprint[:12])
        yield
        await anyio.to_thread.run_sync(watcher.stop)
        close_office(office)

    app = FastAPIOffline(
        title="Frostdesk",
        version=version("frostdesk"),
        description=DESCRIPTION,
        lifespan=lifespan,
        max_body_size=BODY_BYTES,
        responses={code: {"model": ProblemAnswer} for code in (401, 403, 404, 409, 422, 429, 503)},
    )
    for routes in (chat, desks, learning, handover):
        app.include_router(routes.router)
    app.include_router(connections.admin)
    app.include_router(connections.webhooks)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "pages"), name="static")
    _handle_errors(app)
    app.add_middleware(Edge, origins=origins, most=settings.threads)
    return app


def _ready_office(settings: Settings) -> Office:
    """Open the office, check the database's shape, and load the first desks before anybody asks."""
    office = open_office(settings)
    wait_for_revision(office.database)
    with office.database.reading() as session:
        ids = list(session.scalars(select(Desk.id).order_by(Desk.created_at).limit(WARM_DESKS)))
    for desk_id in ids:
        office.releases.live.snapshot(desk_id)
    return office


def _handle_errors(app: FastAPI) -> None:
    async def expected(request: Request, error: AgentError) -> Response:
        headers = {"retry-after": str(error.retry_after)} if isinstance(error, TooMany) else None
        return problem(error.status, error.code, error.sentence, _request_id(request), headers)

    async def malformed(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body") or "body"
        return problem(422, "bad_input", f"{where}: {first['msg']}", _request_id(request))

    async def plain(request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "not_allowed", 413: "too_large"}.get(error.status_code, "error")
        return problem(
            error.status_code, code, str(error.detail), _request_id(request), dict(error.headers or {})
        )

    async def database_away(request: Request, error: SQLAlchemyError) -> Response:
        log.error("database_error", error=type(error).__name__)
        if isinstance(error, OperationalError | PoolTimeout):
            sentence = "The database does not answer; try again in a moment."
            return problem(503, "unavailable", sentence, _request_id(request), {"retry-after": "2"})
        return await unexpected(request, error)

    async def unexpected(request: Request, error: Exception) -> Response:
        log.error("unexpected_error", error=type(error).__name__, exc_info=error)
        sentence = "Something went wrong here; the request id helps to find it in the log."
        return problem(500, "internal", sentence, _request_id(request))

    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        AgentError: expected,
        RequestValidationError: malformed,
        HTTPException: plain,
        SQLAlchemyError: database_away,
        Exception: unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))
