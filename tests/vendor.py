"""A vendor's HTTP API of our own: it judges every request, and keeps what it took and why it refused."""

import hashlib
import hmac
import json
import os
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("FROSTDESK_SHARED", "../shared")) / "integrations/webhooks"
"""Where samples of real events and of signatures lie, if they lie anywhere."""

ON_SQLITE = pytest.mark.parametrize("demo_database", ["sqlite"], indirect=True)
"""What a vendor's file does is the same on every database: `test_events.py`, `test_deliveries.py` and one vendor show that."""

Answer = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


def bytes_of(body: object) -> bytes:
    """An event's body."""
    return json.dumps(body).encode()


def hub_signed(body: bytes, secret: str) -> dict[str, str]:
    """The headers of an event that is signed as WebSub says."""
    digest = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    return {"content-type": "application/json", "x-hub-signature": f"sha1={digest}"}


class Vendor(ThreadingHTTPServer):
    """Keeps what it took, in order (`done`), and why it refused the rest."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.done: list[Any] = []
        self.refused: list[str] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        """Statuses and headers to give first to what it would have taken."""
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def judge(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        """Return 200 and what is to be kept of a request, or another status and what is wrong with it."""
        raise NotImplementedError

    def body(self, method: str, path: str) -> bytes:
        """Return what is said to a request that is taken."""
        return b"{}"

    def answer(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
        """Judge a request; keep what comes of it."""
        status, found = self.judge(method, path, headers, content)
        with self.lock:
            if status != 200:
                self.refused.append(found)
            elif self.answers:
                return *self.answers.pop(0), b"{}"
            else:
                self.done.append(found)
        return status, {}, self.body(method, path) if status == 200 else b"{}"


class _Api(BaseHTTPRequestHandler):
    server: Vendor

    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, more, body = self.server.answer(self.command, self.path, headers, content)
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **more}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = _answer  # noqa: N815 - the base's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""
