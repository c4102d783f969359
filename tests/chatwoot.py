"""A Chatwoot: what it posts to a bot, and its HTTP API for bots, strict about method, path, token and body."""

import hashlib
import hmac
import json
import re
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ACCOUNT, TOKEN, SECRET = 3, "bot-token", "chatwoot-secret"
PATH = re.compile(rf"^/api/v1/accounts/{ACCOUNT}/conversations/(\d+)/(messages|toggle_status)$")
MESSAGE = {"content": str, "message_type": str, "private": bool, "content_type": str, "content_attributes": dict}


def message(number: int, content: str | None, conversation: int = 13098, **changed: Any) -> dict[str, Any]:
    """A contact's message as an agent bot is sent it: as in real captures, its sender has no type."""
    status = changed.pop("status", "pending")
    return {
        "event": "message_created",
        "id": number,
        "content": content,
        "content_type": "text",
        "message_type": "incoming",
        "private": False,
        "account": {"id": ACCOUNT, "name": "Example Co"},
        "inbox": {"id": 58, "name": "Website"},
        "sender": {"id": 52870, "name": "solitary-forest-213", "email": None},
        "conversation": {
            "id": conversation,
            "status": status,
            "messages": [{"id": number, "content": content, "message_type": 0, "conversation_id": conversation}],
            "meta": {"assignee": None},
        },
        **changed,
    }


def signed(body: bytes, at: datetime, secret: str = SECRET) -> dict[str, str]:
    """The headers of a delivery."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-chatwoot-delivery": hashlib.sha256(body).hexdigest()[:36],
        "x-chatwoot-timestamp": stamp,
        "x-chatwoot-signature": f"sha256={digest}",
    }


class Chatwoot(ThreadingHTTPServer):
    """Keeps what the bot did, in order: (conversation, what, body). `answers` holds statuses to give first."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.done: list[tuple[str, str, dict[str, Any]]] = []
        self.refused: list[str] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class _Api(BaseHTTPRequestHandler):
    server: Chatwoot

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        status, headers, trouble = self._judge(content)
        with self.server.lock:
            if trouble:
                self.server.refused.append(trouble)
        self.send_response(status)
        for name, value in {"content-length": "2", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"{}")

    def _judge(self, content: bytes) -> tuple[int, dict[str, str], str | None]:
        found = PATH.match(self.path)
        if self.headers.get("api_access_token") != TOKEN:
            return 401, {}, "the token is not the bot's"
        if found is None:
            return 404, {}, f"a bot has no {self.path}"
        body = json.loads(content)
        if trouble := _message_trouble(body) if found[2] == "messages" else _status_trouble(body):
            return 422, {}, trouble
        with self.server.lock:
            if self.server.answers:
                status, headers = self.server.answers.pop(0)
                return status, headers, None
            self.server.done.append((found[1], found[2], body))
        return 200, {}, None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _message_trouble(body: dict[str, Any]) -> str | None:
    if {name: type(value) for name, value in body.items()} != MESSAGE:
        return f"a message of {sorted(body)}"
    return None if body["message_type"] == "outgoing" and body["content"] else "no message of a bot"


def _status_trouble(body: dict[str, Any]) -> str | None:
    return None if body in ({"status": "open"}, {"status": "pending"}) else f"no status: {body}"
