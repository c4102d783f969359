"""The chat as axe-core judges it: light and dark, left to right and right to left, in every state it has."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Running
from tests.javascript import package
from tests.test_page import BOT, CARD, HUMAN, NOTICE


@pytest.fixture(scope="module")
def axe() -> str:
    return package("axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(params=[("light", "en"), ("dark", "en"), ("light", "ar")], ids=" ".join)
def page(request: pytest.FixtureRequest, browser: Browser, server: Running) -> Iterator[Page]:
    scheme: Literal["light", "dark"]
    scheme, language = request.param
    context = browser.new_context(base_url=server.url, color_scheme=scheme, viewport={"width": 400, "height": 640})
    page = context.new_page()
    page.goto(f"/?lang={language}")
    yield page
    context.close()


def judge(page: Page, axe: str) -> None:
    """Nothing of what axe-core tests is violated."""
    page.evaluate(f"() => {{ {axe} }}")
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


def test_no_rule_is_violated_in_any_state(page: Page, server: Running, axe: str) -> None:
    expect(page.locator(BOT)).to_have_count(1)
    judge(page, axe)
    field = page.locator("#text-input")
    for words in (CARD, "how much do ramen noodles cost in Japan?"):
        field.fill(words)
        field.press("Enter")
    expect(page.locator(".rate, .offer")).to_have_count(2)
    judge(page, axe)
    field.fill(HUMAN)
    field.press("Enter")
    expect(page.locator(NOTICE)).to_have_count(1)
    with server.admin() as admin:
        [newest] = admin.get("/v1/admin/conversations", params={"owner": "human", "limit": 1}).json()
        path = f"/v1/admin/conversations/{newest['id']}"
        admin.post(f"{path}/reply", json={"text": "Ana here."}).raise_for_status()
        admin.post(f"{path}/close").raise_for_status()
    expect(page.locator("#closed")).to_be_visible()
    judge(page, axe)
    page.context.set_offline(True)
    field.fill("are you there?")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    judge(page, axe)


def test_the_page_with_the_widget_violates_no_rule_either(page: Page, axe: str) -> None:
    page.goto("/site")
    judge(page, axe)
    page.get_by_role("button", name="Open the chat").click()
    expect(page.frame_locator("iframe").locator(BOT)).to_have_text("Hello! How can I help?")
    judge(page, axe)


def test_arabic_is_written_from_right_to_left(browser: Browser, server: Running) -> None:
    context = browser.new_context(base_url=server.url, locale="ar-EG")
    page = context.new_page()
    page.goto("/")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.locator("#text-input").fill(CARD)
    page.locator("#text-input").press("Enter")
    expect(page.locator(BOT)).to_have_count(2)
    left = "element => element.getBoundingClientRect().left"
    assert page.locator(".user-message").evaluate(left) < page.locator(".ai-message").last.evaluate(left)
    context.close()
