"""The composition root of the API: settings in, application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import anyio.to_thread
import structlog
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from sqlalchemy import select
from starlette.types import ASGIApp

from agent.api import (
    chat,
    connections,
    corrections,
    deliveries,
    desks,
    endpoints,
    erasures,
    handover,
    health,
    hours,
    learning,
    lineage,
    outbound,
    pages,
    trials,
    versions,
    webhooks,
)
from agent.api.deps import Service
from agent.api.edge import Edge
from agent.api.origins import Origins
from agent.api.problems import handle_errors
from agent.api.protocols import ai_sdk, deep_chat, mcp, n8n_chat, openai, rasa
from agent.api.protocols.errors import CODES
from agent.api.schemas.base import ProblemAnswer
from agent.database import Database
from agent.limits import Limits
from agent.logs import configure_logging
from agent.office import Office, close_office, open_office
from agent.schema_revision import wait_for_revision
from agent.settings import Settings
from agent.streams import Streams
from agent.tables import Desk
from agent.tokens import signing_secret
from agent.watcher import Watcher
from skills.meanings import Meanings

log = structlog.get_logger(__name__)
BODY_BYTES = 64 * 1024
WARM_DESKS = 20
SPARE = 4
"""Threads for what takes no place: health checks, pages, streams. The pool has as many connections more."""
DESCRIPTION = """
One frozen language model answers for many support desks; each desk's skills are small tuned prompts.

* **Chat**: `POST /v1/chat/session` with a desk's site key gives a visitor's token;
  `POST /v1/chat` takes a message.
* **Admin**: everything under `/v1/admin` needs `Authorization: Bearer fd_...`.
* **Protocols**: `/v1/chat/completions` and `/v1/models` speak OpenAI's,
  `/v1/deep-chat` that of the web component,
  `/v1/ai-sdk` the AI SDK's stream of UI messages,
  `/v1/n8n-chat` that of the component @n8n/chat,
  `/webhooks/rest/webhook` and `/model/parse` Rasa's,
  `/mcp` the Model Context Protocol; their errors too.
* **Webhooks**: helpdesks post their events to `/webhooks/{kind}/{connection_id}`;
  a desk's own servers are told of events at their `/v1/admin/endpoints`.

Every other error is `{"error": {"code", "message", "request_id"}}`.
"""


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Return the application; its lifespan opens and closes everything it works with."""
    settings = settings or Settings()
    configure_logging(settings.log_json)
    origins = Origins(Database(settings.database, pool=1))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.threads + SPARE
        office = await anyio.to_thread.run_sync(_ready_office, settings)
        streams = Streams()
        with office.database.writing() as session:
            secret = signing_secret(session)
        meanings = Meanings(office.backbone, office.reader)
        app.state.service = Service(settings, office, streams, Limits(settings.redis_url), secret, meanings)
        watcher = Watcher(office, streams, origins.refresh, settings.redis_url, settings.poll_seconds)
        watcher.start()
        log.info("api_ready", backbone=office.backbone.name, fingerprint=office.backbone.fingerprint[:12])
        async with mcp.serving() as app.state.mcp:
            yield
        await anyio.to_thread.run_sync(watcher.stop)
        close_office(office)

    app = FastAPIOffline(
        title="Frostdesk",
        version=version("frostdesk"),
        description=DESCRIPTION,
        lifespan=lifespan,
        max_body_size=BODY_BYTES,
        responses={code: {"model": ProblemAnswer} for code in CODES},
    )
    for routes in (
        chat,
        desks,
        hours,
        corrections,
        learning,
        versions,
        trials,
        lineage,
        handover,
        erasures,
        connections,
        deliveries,
        endpoints,
        outbound,
        rasa,  # before the webhooks, among which its address would fall
        webhooks,
        openai,
        deep_chat,
        ai_sdk,
        n8n_chat,
        mcp,
    ):
        app.include_router(routes.router)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.mount("/static", GZipMiddleware(StaticFiles(directory=Path(__file__).parent / "pages")), name="static")
    handle_errors(app)
    return Edge(app, origins, at_once=settings.threads, waiting=settings.waiting)


def _ready_office(settings: Settings) -> Office:
    """Open the office, check the database's shape, and load the first desks before anybody asks."""
    office = open_office(settings, shared=True)
    wait_for_revision(office.database)
    with office.database.reading() as session:
        ids = list(session.scalars(select(Desk.id).order_by(Desk.created_at).limit(WARM_DESKS)))
    for desk_id in ids:
        office.releases.live.snapshot(desk_id)
    return office
