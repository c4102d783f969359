"""Chat protocols as their own makers' JavaScript speaks them."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import Running
from tests.javascript import WEB, package

CARD = "my card still hasn't come"
AI_SDK = """
import { DefaultChatTransport, readUIMessageStream } from "ai";
const { url, token, words } = JSON.parse(process.argv.at(-1));
const transport = new DefaultChatTransport({ api: url, headers: { authorization: `Bearer ${token}` } });
const message = { id: "m1", role: "user", parts: [{ type: "text", text: words }] };
const stream = await transport.sendMessages({ chatId: "c1", trigger: "submit-message", messages: [message] });
let newest;
for await (const seen of readUIMessageStream({ stream })) newest = seen;
console.log(JSON.stringify(newest));
"""


def token_of(client: httpx.Client) -> str:
    return client.headers["authorization"].removeprefix("Bearer ")


@pytest.fixture
def visitor(server: Running) -> Iterator[httpx.Client]:
    with closing(server.visitor()) as client:
        yield client


def test_the_ai_sdk_reads_the_stream(server: Running, visitor: httpx.Client) -> None:
    package("ai/package.json")
    asked = json.dumps({"url": f"{server.url}/v1/ai-sdk", "token": token_of(visitor), "words": CARD})
    command = ["node", "--input-type=module", "--eval", AI_SDK, asked]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    message = json.loads(done.stdout)
    parts = {part["type"]: part for part in message["parts"]}
    assert parts["text"]["text"].startswith("Cards normally reach you")
    assert parts["text"]["state"] == "done"
    assert parts["source-url"]["url"].endswith("/card-not-arrived")
    assert parts["data-frostdesk"]["data"]["outcome"] == "answered"


@pytest.mark.parametrize("streamed", [False, True], ids=["at once", "streamed"])
def test_deep_chat_shows_the_answer(browser: Browser, server: Running, visitor: httpx.Client, streamed: bool) -> None:
    script = package("deep-chat/dist/deepChat.bundle.js").read_bytes()
    headers = {"authorization": f"Bearer {token_of(visitor)}"}
    path = "/v1/deep-chat/stream" if streamed else "/v1/deep-chat"
    connect = json.dumps({"url": server.url + path, "stream": streamed, "headers": headers})
    style = "font-family: sans-serif"
    html = f"""<!doctype html><title>Shop</title><script type="module" src="/deepChat.js"></script>
        <deep-chat style="{style}" connect='{connect}'></deep-chat>"""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script_wanted = self.path == "/deepChat.js"
            self.send_response(200)
            self.send_header("content-type", "text/javascript" if script_wanted else "text/html")
            self.end_headers()
            self.wfile.write(script if script_wanted else html.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as pages, server.admin() as admin:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{pages.server_address[1]}"
        admin.patch("/v1/admin/desk", json={"allowed_origins": [site]}).raise_for_status()
        page = browser.new_page()
        page.goto(site)
        page.locator("#text-input").fill(CARD)
        page.locator("#text-input").press("Enter")
        expect(page.locator(".ai-message").last).to_contain_text("Cards normally reach you")
        expect(page.locator(".ai-message a").last).to_have_attribute(
            "href", "https://help.pennywhistle.example/card-not-arrived"
        )
        expect(page.locator(".error-message")).to_have_count(0)
        page.close()
        admin.patch("/v1/admin/desk", json={"allowed_origins": []}).raise_for_status()
        pages.shutdown()
