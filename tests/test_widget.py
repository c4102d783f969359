"""The widget on somebody else's page, in a real browser: another origin, and a strict policy of its own."""

import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import jwt
import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.conftest import Running
from tests.test_page import BOT, COLLEAGUE, CUSTOMER, NOTICE

CARD = "my card still hasn't come"
HUMAN = "this is the third time, get me a human"
QUEUE = """
window.Frostdesk = window.Frostdesk || function () { (Frostdesk.q = Frostdesk.q || []).push(arguments); };
window.heard = [];
window.shifts = [];
new PerformanceObserver((seen) => shifts.push(...seen.getEntries())).observe({ type: "layout-shift", buffered: true });
for (const event of ["show", "hide", "unread"]) Frostdesk("on", event, (value) => heard.push([event, value]));
if (location.hash === "#open") Frostdesk("show");
"""


@dataclass(frozen=True, slots=True)
class Site:
    """Somebody's web site, and what its pages' browser complained of."""

    page: Page
    url: str
    troubles: list[str]

    def open(self, path: str = "/") -> FrameLocator:
        """Open a page of the site; return where the chat's frame will be."""
        self.page.goto(self.url + path)
        expect(self.page.get_by_role("button", name="the chat")).to_be_visible()
        return self.page.frame_locator("iframe[title=Chat]")


@pytest.fixture
def admin(server: Running) -> Iterator[httpx.Client]:
    with server.admin() as client:
        yield client


@pytest.fixture
def site(browser: Browser, server: Running, admin: httpx.Client) -> Iterator[Site]:
    """A site that the demo desk allows."""
    key = admin.get("/v1/admin/desk").json()["site_key"]
    html = f"""<!doctype html><html lang="en"><title>Shop</title><script src="/site.js"></script>
        <script async src="{server.url}/widget.js" data-site-key="{key}"></script><h1>Our shop</h1></html>"""
    policy = f"default-src 'none'; script-src 'self' {server.url}; frame-src {server.url}"

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script = self.path == "/site.js"
            self.send_response(200 if script or self.path == "/" else 404)
            self.send_header("content-type", "text/javascript" if script else "text/html")
            self.send_header("content-security-policy", policy)
            self.end_headers()
            self.wfile.write((QUEUE if script else html).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{pages.server_address[1]}"
        admin.patch("/v1/admin/desk", json={"allowed_origins": [url]}).raise_for_status()
        context = browser.new_context()
        page, troubles = context.new_page(), list[str]()
        page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        yield Site(page, url, troubles)
        context.close()
        admin.patch("/v1/admin/desk", json={"allowed_origins": []}).raise_for_status()
        pages.shutdown()
    assert troubles == []


def ask(chat: FrameLocator, words: str) -> None:
    chat.get_by_label("Your message").fill(words)
    chat.get_by_role("button", name="Send", exact=True).click()
    expect(chat.locator(CUSTOMER).last).to_have_text(words)


def test_a_visitor_asks_on_a_page_with_a_strict_policy(site: Site) -> None:
    chat, button = site.open(), site.page.get_by_role("button", name="Open the chat")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(site.page.locator("iframe")).to_have_count(0)
    button.click()
    expect(site.page.get_by_role("dialog", name="Chat")).to_be_visible()
    expect(site.page.get_by_role("button", name="Close the chat")).to_have_attribute("aria-expanded", "true")
    expect(chat.get_by_label("Your message")).to_be_focused()
    ask(chat, CARD)
    expect(chat.locator(BOT).last).to_contain_text("Cards normally reach you")
    chat.get_by_label("Your message").press("Escape")
    expect(site.page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    assert site.page.evaluate("shifts.length") == 0


def test_a_reload_keeps_the_conversation(site: Site) -> None:
    chat = site.open("/#open")
    ask(chat, CARD)
    expect(chat.locator(BOT)).to_have_count(2)
    site.page.reload()
    expect(chat.locator(CUSTOMER)).to_have_text([CARD])
    expect(chat.locator(BOT).last).to_contain_text("Cards normally reach you")


def test_what_a_human_writes_while_it_is_closed_is_counted(site: Site, admin: httpx.Client) -> None:
    chat = site.open("/#open")
    ask(chat, HUMAN)
    expect(chat.locator(NOTICE)).to_have_text("Handed to a colleague.")
    site.page.get_by_role("button", name="Close the chat").click()
    [newest] = admin.get("/v1/admin/conversations", params={"owner": "human", "limit": 1}).json()
    admin.post(f"/v1/admin/conversations/{newest['id']}/reply", json={"text": "Ana here."}).raise_for_status()
    counted = site.page.get_by_role("button", name="Open the chat, 1 unread")
    expect(counted).to_contain_text("1")
    counted.click()
    expect(chat.locator(COLLEAGUE)).to_have_text("Ana here.")
    expect(site.page.get_by_role("button", name="Close the chat", exact=True)).to_be_visible()
    assert site.page.evaluate("heard") == [["show", None], ["hide", None], ["unread", 1], ["show", None]]


def test_a_page_that_the_desk_does_not_allow_gets_no_chat(site: Site, admin: httpx.Client) -> None:
    admin.patch("/v1/admin/desk", json={"allowed_origins": ["https://elsewhere.example"]}).raise_for_status()
    site.open()
    with site.page.expect_event("console", lambda said: f"frostdesk desk allow {site.url}" in said.text):
        site.page.get_by_role("button", name="Open the chat").click()
    assert any("frame-ancestors" in said for said in site.troubles)
    site.troubles.clear()


@pytest.mark.parametrize(
    ("locale", "open_", "label", "send"),
    [
        ("de-CH", "Chat öffnen", "Ihre Nachricht", "Senden"),
        ("es", "Abrir el chat", "Su mensaje", "Enviar"),
        ("fr", "Ouvrir le chat", "Votre message", "Envoyer"),
        ("ar", "فتح المحادثة", "رسالتك", "إرسال"),
        ("nl", "Open the chat", "Your message", "Send"),
    ],
)
def test_it_speaks_the_language_it_is_told(site: Site, locale: str, open_: str, label: str, send: str) -> None:
    site.open()
    site.page.evaluate("(locale) => { Frostdesk('shutdown'); Frostdesk('boot', { locale }) }", locale)
    site.page.get_by_role("button", name=open_).click()
    chat = site.page.frame_locator("iframe")
    expect(chat.get_by_label(label)).to_be_focused()
    expect(chat.get_by_role("button", name=send, exact=True)).to_be_visible()


def signed(secret: str, sub: str, seconds: int = 60) -> str:
    return jwt.encode({"sub": sub, "exp": datetime.now(UTC) + timedelta(seconds=seconds)}, secret, algorithm="HS256")


def test_a_customer_who_signs_in_finds_the_conversation_and_signs_out_of_it(site: Site, admin: httpx.Client) -> None:
    secret = admin.post("/v1/admin/desk/identity-secret").json()["secret"]
    site.open()
    chat = site.page.frame_locator("iframe[title=Chat]")

    def become(identity: str | None) -> None:
        site.page.evaluate("(identity) => { Frostdesk('update', { identity }); Frostdesk('show') }", identity)
        expect(chat.locator(".words").first).to_be_visible()

    become(signed(secret, "ann"))
    ask(chat, CARD)
    expect(chat.locator(BOT)).to_have_count(2)
    become(None)
    expect(chat.locator(".words")).to_have_text(["Hello! How can I help?"])
    become(signed(secret, "bob"))
    expect(chat.locator(".words")).to_have_text(["Hello! How can I help?"])
    become(signed(secret, "ann"))
    expect(chat.locator(CUSTOMER)).to_have_text([CARD])
    admin.delete("/v1/admin/desk/identity-secret").raise_for_status()


def test_commands_start_it_and_end_it(site: Site) -> None:
    site.open()
    site.page.evaluate("Frostdesk('shutdown')")
    expect(site.page.get_by_role("button")).to_have_count(0)
    site.page.evaluate("Frostdesk('show')")
    expect(site.page.get_by_role("button")).to_have_count(0)
    site.page.evaluate("Frostdesk('boot')")
    site.page.evaluate("Frostdesk('show')")
    expect(site.page.get_by_role("dialog", name="Chat")).to_be_visible()
    said = site.page.evaluate("() => { try { Frostdesk('explode') } catch (error) { return error.message } }")
    assert said == 'Frostdesk: there is no command "explode".'


def test_the_launcher_is_light_and_an_unknown_site_key_is_said(server: Running) -> None:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        sent = client.get("/widget.js")
        assert sent.headers["content-type"].startswith("text/javascript")
        assert len(gzip.compress(sent.content)) < 15_000
        assert client.get("/widget/pk_unknown").status_code == 404
