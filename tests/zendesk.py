"""A Zendesk: what its webhooks post, and its ticket API, strict about method, path, user and body."""

import base64
import hashlib
import hmac
import json
import re
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "zendesk-secret"
ACCESS = {"email": "bot@shop.example", "token": "api-token", "user_id": "900"}
USER = "Basic " + base64.b64encode(b"bot@shop.example/token:api-token").decode()
PATH = re.compile(r"^/api/v2/tickets/(\d+)\.json$")
STATUSES = ("open", "pending", "hold", "solved")


def comment(
    number: int, body: str, ticket: str = "5158", staff: str | None = None, public: bool = True
) -> dict[str, Any]:
    """An event: a customer's comment, or that of an agent with this number."""
    author = {"id": staff or "84", "is_staff": staff is not None, "name": "Jane"}
    return {
        "type": "zen:event-type:ticket.comment_added",
        "id": f"evt-{number}",
        "account_id": 22129848,
        "zendesk_event_version": "2022-11-06",
        "subject": f"zen:ticket:{ticket}",
        "detail": {"id": ticket, "subject": "Login", "status": "OPEN", "requester_id": "84", "submitter_id": "84"},
        "event": {"comment": {"id": str(number), "body": body, "is_public": public, "author": author}},
    }


def signed(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """The headers of a delivery."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hmac.new(secret.encode(), stamp.encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "x-zendesk-webhook-signature-timestamp": stamp,
        "x-zendesk-webhook-signature": base64.b64encode(digest).decode(),
    }


class Zendesk(ThreadingHTTPServer):
    """Keeps every change of a ticket, in order: (ticket, change)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.refused: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Api(BaseHTTPRequestHandler):
    server: Zendesk

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        status, trouble = self._judge(content)
        with self.server.lock:
            if trouble:
                self.server.refused.append(trouble)
        self.send_response(status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def _judge(self, content: bytes) -> tuple[int, str | None]:
        found = PATH.match(self.path)
        if self.headers.get("authorization") != USER:
            return 401, "not the API user"
        if found is None:
            return 404, f"no {self.path}"
        body = json.loads(content)
        if trouble := _trouble(body):
            return 422, trouble
        with self.server.lock:
            self.server.done.append((found[1], body["ticket"]))
        return 200, None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _trouble(body: dict[str, Any]) -> str | None:
    """Return what a ticket's change has that the API does not know."""
    if set(body) != {"ticket"} or not body["ticket"]:
        return f"no ticket: {sorted(body)}"
    change = body["ticket"]
    if unknown := set(change) - {"comment", "status", "additional_tags"}:
        return f"unknown {sorted(unknown)}"
    said = change.get("comment")
    if said is not None and {name: type(value) for name, value in said.items()} != {
        "body": str,
        "public": bool,
        "author_id": int,
    }:
        return "no comment"
    return None if change.get("status", "open") in STATUSES else "no status"
