"""The outermost layer: request ids, the access log, security headers, CORS, admission."""

import time
from contextlib import nullcontext

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.api.admission import Admission, takes_a_place
from agent.api.origins import Origins, is_own
from agent.api.protocols.errors import shape_of
from agent.api.slow_bodies import SENTENCE, TOO_SLOW, body_ahead
from agent.tables import new_id

log = structlog.get_logger("access")
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "content-security-policy": ("default-src 'self'; img-src 'self' data:; frame-ancestors 'self'; base-uri 'none'"),
}
DOCS_POLICY = (
    "default-src 'self' 'unsafe-inline'; worker-src 'self' blob:; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'"
)
"""Swagger's page starts from an inline script, Redoc searches in a worker; they show no visitor's words."""
PREFLIGHT_SECONDS = "600"
TOO_LARGE = 413
BODY_SECONDS = 60.0


def problem(
    path: str, status: int, code: str, message: str, request_id: str, headers: dict[str, str] | None = None
) -> Response:
    """Return an error in the one shape every error has, or in that of the protocol spoken at this path."""
    sendable = message.encode("utf-8", "replace").decode()  # it may quote what was sent, even half a character
    shape = shape_of(path)
    if shape is not None:
        answer = shape(status, code, sendable)
        answer.headers.update(headers or {})
        return answer
    body = {"error": {"code": code, "message": sendable, "request_id": request_id}}
    return JSONResponse(body, status, headers)


class Edge:
    """Wraps the application. `at_once` requests run, `waiting` more wait for their place; beyond that 429 at once.

    A request asks for a place once its body is there; 408 if that takes longer than `body_seconds`.
    It stands outside the framework's own layers, so that their answers too (a body that is too large, an
    unexpected error) carry a request id and have the one shape of errors.
    """

    def __init__(
        self, app: ASGIApp, origins: Origins, at_once: int, waiting: int, body_seconds: float = BODY_SECONDS
    ) -> None:
        self._app, self._origins, self._body_seconds = app, origins, body_seconds
        self._admission = Admission(at_once, waiting)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 500
        origin = self._foreign_origin(scope)
        too_large: Response | None = None
        complete = False

        async def dressed_send(message: Message) -> None:
            nonlocal status, too_large, complete
            if message["type"] == "http.response.start":
                status = int(message["status"])
                if status == TOO_LARGE:  # the framework says this in plain text
                    too_large = problem(
                        scope["path"], status, "too_large", "This is larger than the call takes.", request_id
                    )
                    message = {**message, "headers": list(too_large.raw_headers)}
                self._dress(MutableHeaders(scope=message), scope, request_id, origin)
            elif too_large is not None:
                message = {**message, "body": too_large.body}
            await send(message)
            complete = message["type"] == "http.response.body" and not message.get("more_body", False)

        receive, too_slow = await self._wait_for_body(scope, receive, request_id)
        answer = too_slow or self._answer_at_once(scope, origin, request_id)
        working = answer is None and takes_a_place(scope["path"])
        try:
            async with self._admission.place() if working else nullcontext():
                await (answer or self._app)(scope, receive, dressed_send)
        except Exception:
            if not complete:  # else it is logged and answered, and the connection is still good
                raise
        finally:
            route = scope.get("route")
            log.info(
                "request",
                id=request_id,
                method=scope["method"],
                route=getattr(route, "path", "-"),
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 1),
            )

    async def _wait_for_body(self, scope: Scope, receive: Receive, request_id: str) -> tuple[Receive, Response | None]:
        try:
            return await body_ahead(receive, self._body_seconds), None
        except TimeoutError:
            closing = {"connection": "close"}  # the rest of the body would be taken for another request
            return receive, problem(scope["path"], TOO_SLOW, "too_slow", SENTENCE, request_id, closing)

    def _answer_at_once(self, scope: Scope, origin: str | None, request_id: str) -> Response | None:
        if scope["method"] == "OPTIONS" and origin is not None:
            return Response(status_code=204 if self._origins.allows(origin) else 403)
        if self._admission.full and takes_a_place(scope["path"]):
            sentence = "The server is busy; try again in a second."
            return problem(scope["path"], 429, "too_many_requests", sentence, request_id, {"retry-after": "1"})
        return None

    def _foreign_origin(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None or is_own(origin, headers.get("host")):
            return None
        return origin

    def _dress(self, headers: MutableHeaders, scope: Scope, request_id: str, origin: str | None) -> None:
        headers["x-request-id"] = request_id
        for name, value in SECURITY.items():
            headers.setdefault(name, value)
        if scope["path"] in ("/docs", "/redoc"):
            headers["content-security-policy"] = DOCS_POLICY
        if origin is not None and self._origins.allows(origin):
            headers["access-control-allow-origin"] = origin
            headers["access-control-allow-methods"] = "GET, POST, OPTIONS"
            headers["access-control-allow-headers"] = "authorization, content-type"
            headers["access-control-max-age"] = PREFLIGHT_SECONDS
            headers.add_vary_header("origin")
