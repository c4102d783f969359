"""Every exception becomes an answer in the one shape errors have."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from agent.api.edge import problem
from agent.errors import AgentError, TooMany

log = structlog.get_logger(__name__)
Handler = Callable[[Request, Any], Awaitable[Response]]
CODES = {
    404: "not_found",
    405: "not_allowed",
    408: "too_slow",
    413: "too_large",
    429: "too_many_requests",
    503: "unavailable",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
NOT_JSON = "The body is not valid JSON."
NO_OBJECT = "Send a JSON object, with 'content-type: application/json'."


def handle_errors(app: FastAPI) -> None:
    """Give the application its error handlers."""
    handlers: dict[Any, Handler] = {
        AgentError: _expected,
        RequestValidationError: _malformed,
        HTTPException: _plain,
        SQLAlchemyError: _database,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _expected(request: Request, error: AgentError) -> Response:
    headers = {"retry-after": str(error.retry_after)} if isinstance(error, TooMany) else None
    return _problem(request, error.status, error.code, error.sentence, headers)


async def _malformed(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    if first["type"] == "json_invalid":
        sentence = f"{NOT_JSON[:-1]} (character {where})."
    elif first["type"] == "model_attributes_type" and not where:  # a list, or sent as something else than JSON
        sentence = NO_OBJECT
    else:
        sentence = f"{where or 'body'}: {first['msg']}"
    return _problem(request, 422, "bad_input", sentence)


async def _plain(request: Request, error: HTTPException) -> Response:
    if error.status_code == 400:
        return _problem(request, 422, "bad_input", NOT_JSON)
    code, headers = CODES.get(error.status_code, "error"), dict(error.headers or {})
    if "Allow" in headers:
        headers["Allow"] = _allowed(request)
    return _problem(request, error.status_code, code, str(error.detail), headers)


def _allowed(request: Request) -> str:
    """Return the methods of a path; the framework names only those of the first route that has it."""
    path = {"type": "http", "path": request.scope["path"], "root_path": request.scope["root_path"]}
    asked = [(method, {**path, "method": method}) for method in METHODS]
    routes = request.app.routes
    return ", ".join(method for method, scope in asked if any(r.matches(scope)[0] is Match.FULL for r in routes))


async def _database(request: Request, error: SQLAlchemyError) -> Response:
    if isinstance(error, DataError):
        sentence = "A value cannot be stored: a number out of range, or text with a null character."
        return _problem(request, 422, "bad_input", sentence)
    if isinstance(error, IntegrityError):  # two wrote the same name at once, or one removed what the other refers to
        log.warning("database_conflict", error=type(error.orig).__name__)
        return _problem(request, 409, "conflict", "Something else was changed at the same moment; look and try again.")
    log.error("database_error", error=type(error).__name__)
    if isinstance(error, OperationalError | PoolTimeout):
        sentence = "The database does not answer; try again in a moment."
        return _problem(request, 503, "unavailable", sentence, {"retry-after": "2"})
    return await _unexpected(request, error)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("unexpected_error", error=type(error).__name__, exc_info=error)
    sentence = "Something went wrong here; the request id helps to find it in the log."
    return _problem(request, 500, "internal", sentence)


def _problem(request: Request, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    request_id = str(getattr(request.state, "request_id", ""))
    return problem(request.url.path, status, code, message, request_id, headers)
