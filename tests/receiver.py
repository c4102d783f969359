"""A helpdesk that receives what is delivered to it."""

import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(ThreadingHTTPServer):
    """A helpdesk: `/200` answers 200, `/moved` points to `/200`, `/busy` asks to wait, `/endless` never ends its answer.

    `/silent` never begins one, `/dripping` sends it a byte at a time, for ever.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Inbox)
        self.got: list[tuple[str, bytes, dict[str, str]]] = []
        self.closing = threading.Event()

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Inbox(BaseHTTPRequestHandler):
    """Keeps what it is sent."""

    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
        if self.path == "/silent":
            self.server.closing.wait(60)
            return
        if self.path == "/dripping":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
            with suppress(ConnectionError):
                while not self.server.closing.wait(0.05):
                    self.wfile.write(b"a")
            return
        status = {"/moved": 307, "/busy": 429, "/endless": 200}.get(self.path) or int(self.path[1:])
        self.send_response(status)
        if self.path == "/moved":
            self.send_header("location", "/200")
        if self.path == "/busy":
            self.send_header("retry-after", "600")
        if self.path != "/endless":
            self.send_header("content-length", "0")
        self.end_headers()
        if self.path == "/endless":
            self.wfile.write(b"and then ")
            self.wfile.flush()
            self.server.closing.wait(60)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
