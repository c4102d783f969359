"""What an error looks like where a protocol of others is spoken."""

from collections.abc import Callable
from importlib.metadata import version

from starlette.responses import JSONResponse, PlainTextResponse, Response

Shape = Callable[[int, str, str], Response]
CODES = (401, 403, 404, 408, 409, 413, 422, 429, 503)
"""The statuses that the API's documentation names."""
OPENAI_CODES = {"not_signed_in": "invalid_api_key", "not_found": "model_not_found", "bad_input": None}
OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def shape_of(path: str) -> Shape | None:
    """Return how errors are written at this path, or None where they have our own shape."""
    if path in {"/v1/chat/completions", "/v1/models"} or path.startswith("/v1/models/"):
        return _openai
    return SHAPES.get(path)


def _openai(status: int, code: str, message: str) -> Response:
    """OpenAI says 400 to what cannot be used; its clients take the request id from the header."""
    status = 400 if status == 422 else status
    kind = OPENAI_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    error = {"message": message, "type": kind, "param": None, "code": OPENAI_CODES.get(code, code)}
    return JSONResponse({"error": error}, status)


def _deep_chat(status: int, code: str, message: str) -> Response:  # noqa: ARG001
    return JSONResponse({"error": message}, status)


def _ai_sdk(status: int, code: str, message: str) -> Response:  # noqa: ARG001
    """The body as it is becomes the message of the page's `error`."""
    return PlainTextResponse(message, status)


def _n8n_chat(status: int, code: str, message: str) -> Response:  # noqa: ARG001
    """The component does not look at the status: it shows `output`, whatever it says."""
    return JSONResponse({"output": message}, status)


def _rasa(status: int, code: str, message: str) -> Response:
    said = {"version": version("frostdesk"), "status": "failure", "message": message, "reason": code}
    return JSONResponse({**said, "details": {}, "help": None, "code": status}, status)


def _mcp(status: int, code: str, message: str) -> Response:  # noqa: ARG001
    error = {"code": -32603 if status >= 500 else -32600, "message": message}
    return JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, status)


SHAPES: dict[str, Shape] = {
    "/v1/deep-chat": _deep_chat,
    "/v1/deep-chat/stream": _deep_chat,
    "/v1/ai-sdk": _ai_sdk,
    "/v1/n8n-chat": _n8n_chat,
    "/webhooks/rest/webhook": _rasa,
    "/model/parse": _rasa,
    "/mcp": _mcp,
}
