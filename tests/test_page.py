"""The chat page in a real browser, against the running server."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, expect

from agent.database import Database
from agent.tables import Installation
from agent.tokens import issue
from tests.conftest import Running

CARD = "my card still hasn't come"
LINK = "https://help.pennywhistle.example/card-not-arrived"
HUMAN = "this is the third time, get me a human"
BOT, CUSTOMER, COLLEAGUE, NOTICE = (f".{role}-message .words" for role in ("ai", "user", "human", "notice"))
TYPING = ".deep-chat-loading-message-bubble"
LOGO = "Loading the image 'https://cdn.redoc.ly/"
"""Redoc would show its maker's logo from the maker's host; our policy keeps it from asking."""


@pytest.fixture
def troubles() -> list[str]:
    """What the browser complains of; a test that provokes it clears the list."""
    return []


@pytest.fixture
def blank(browser: Browser, server: Running, troubles: list[str]) -> Iterator[Page]:
    """A page that has opened nothing yet. At the end it must have complained of nothing, and asked no other host."""
    context = browser.new_context(base_url=server.url)
    page, asked = context.new_page(), list[str]()
    page.on("console", lambda said: troubles.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.on("requestfinished", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: asked.append(request.url) if request.failure != "csp" else None)
    yield page
    context.close()
    assert [said for said in troubles if not said.startswith(LOGO)] == []
    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:"))] == []


@pytest.fixture
def page(blank: Page) -> Page:
    """The chat page, ready to be written to."""
    blank.goto("/")
    expect(blank.locator(BOT)).to_have_text("Hello! How can I help?")
    return blank


@pytest.fixture
def admin(server: Running) -> Iterator[httpx.Client]:
    with server.admin() as client:
        yield client


def say(page: Page, words: str) -> None:
    page.get_by_label("Your message").fill(words)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(CUSTOMER).last).to_have_text(words)


def hand_over(page: Page, admin: httpx.Client) -> str:
    """Ask for a human; return the path of the conversation, found by the opening words."""
    say(page, HUMAN)
    expect(page.locator(NOTICE)).to_have_text("Handed to a colleague.")
    [newest] = admin.get("/v1/admin/conversations", params={"owner": "human", "limit": 1}).json()
    return f"/v1/admin/conversations/{newest['id']}"


def reply(admin: httpx.Client, path: str, words: str) -> None:
    assert admin.post(f"{path}/reply", json={"text": words}).status_code == 201


def test_a_question_is_answered_with_a_link(page: Page) -> None:
    say(page, CARD)
    answer = page.locator(BOT).last
    expect(answer).to_contain_text("Cards normally reach you")
    link = answer.get_by_role("link", name=LINK)
    expect(link).to_be_visible()
    expect(link).to_have_attribute("href", LINK)
    expect(link).to_have_attribute("rel", "noopener")
    expect(page.locator(TYPING)).to_have_count(0)


def test_enter_sends_and_the_field_is_empty_again(page: Page) -> None:
    field = page.get_by_label("Your message")
    field.fill("hello")
    field.press("Shift+Enter")
    expect(page.locator(CUSTOMER)).to_have_count(0)
    field.press("Enter")
    expect(page.locator(CUSTOMER)).to_have_text("hello")
    expect(page.locator(BOT)).to_have_count(2)
    expect(field).to_have_text("")
    expect(field).to_be_focused()


def test_what_is_out_of_scope_is_said_to_be(page: Page) -> None:
    say(page, "who won the football last night?")
    expect(page.locator(BOT).last).to_contain_text("nothing I can help with here")


def test_a_near_miss_offers_articles_to_choose_from(page: Page) -> None:
    say(page, "how much do ramen noodles cost in Japan?")
    offered = page.locator(".offer button")
    expect(offered).to_have_count(4)
    expect(offered.last).to_have_text("I would like to talk to a human")
    question = str(offered.first.text_content())
    page.get_by_label("Your message").fill("half a thought")
    offered.first.click()
    expect(page.locator(CUSTOMER).last).to_have_text(question)
    expect(page.locator(BOT).last.get_by_role("link")).to_be_visible()
    expect(offered).to_have_count(0)
    expect(page.get_by_label("Your message")).to_have_text("half a thought")


def test_an_answer_can_be_rated(page: Page, admin: httpx.Client) -> None:
    say(page, "can I see my PIN in the app")  # asked by no other test: of equal phrasings the queue shows one
    page.get_by_role("button", name="This did not help").click()
    expect(page.get_by_text("Thank you.")).to_be_visible()
    [newest] = admin.get("/v1/admin/conversations", params={"limit": 1}).json()
    queue = admin.get("/v1/admin/review", params={"limit": 500}).json()
    assert [item["rating"] for item in queue if item["turn"]["conversation_id"] == newest["id"]] == ["down"]


def test_a_human_takes_over_answers_and_gives_back_without_a_reload(page: Page, admin: httpx.Client) -> None:
    say(page, CARD)
    expect(page.locator(BOT)).to_have_count(2)
    path = hand_over(page, admin)
    expect(page.locator("#who")).to_have_text("A colleague has this conversation.")
    expect(page.locator(BOT).last).to_contain_text("one of my human colleagues")
    reply(admin, path, "Ana here. See https://help.pennywhistle.example/ana please.")
    expect(page.locator(COLLEAGUE)).to_have_text("Ana here. See https://help.pennywhistle.example/ana please.")
    expect(page.locator(f"{COLLEAGUE} a")).to_have_attribute("href", "https://help.pennywhistle.example/ana")
    say(page, "thank you, Ana")
    reply(admin, path, "You are welcome.")
    expect(page.locator(COLLEAGUE).last).to_have_text("You are welcome.")
    expect(page.locator(TYPING)).to_have_count(0)
    assert admin.post(f"{path}/give-back").status_code == 200
    expect(page.locator(NOTICE).last).to_have_text("Back with the assistant.")
    expect(page.locator("#who")).to_have_text("You are talking to the assistant.")
    say(page, "how do I change my PIN")
    expect(page.locator(BOT)).to_have_count(4)


def test_an_answer_that_comes_late_does_not_undo_the_giving_back(page: Page, admin: httpx.Client) -> None:
    say(page, CARD)
    expect(page.locator(BOT)).to_have_count(2)
    path = hand_over(page, admin)
    expect(page.locator("#who")).to_have_text("A colleague has this conversation.")
    late: list[tuple[Route, APIResponse]] = []
    page.route("**/messages?after=*", lambda route: late.append((route, route.fetch())))
    with page.expect_request("**/messages?after=*"):
        say(page, "thank you, Ana")
    page.wait_for_function("() => true")  # lets the route's handler run to its end
    assert admin.post(f"{path}/give-back").status_code == 200
    expect(page.locator("#who")).to_have_text("You are talking to the assistant.")
    [(route, answer)] = late
    assert answer.json()["owner"] == "human"
    with page.expect_response("**/messages?after=*"):
        route.fulfill(response=answer)
    expect(page.locator(TYPING)).to_have_count(0)
    expect(page.locator("#who")).to_have_text("You are talking to the assistant.")


def test_a_reload_keeps_the_transcript_and_goes_on_following(page: Page, admin: httpx.Client) -> None:
    say(page, CARD)
    expect(page.locator(BOT).last).to_contain_text("Cards normally reach you")
    path = hand_over(page, admin)
    page.reload()
    expect(page.locator(CUSTOMER)).to_have_text([CARD, HUMAN])
    expect(page.locator(BOT).first).to_contain_text("Cards normally reach you")
    expect(page.locator("#who")).to_have_text("A colleague has this conversation.")
    reply(admin, path, "still here")
    expect(page.locator(COLLEAGUE)).to_have_text("still here")


def test_a_token_that_ended_is_renewed_and_the_conversation_goes_on(
    page: Page, server: Running, troubles: list[str]
) -> None:
    say(page, CARD)
    expect(page.locator(".rate")).to_be_visible()
    kept = "JSON.parse(sessionStorage[Object.keys(sessionStorage)[0]])"
    now = page.evaluate(kept)
    claims = jwt.decode(now["token"], options={"verify_signature": False})
    with (
        closing(Database(f"sqlite:///{server.data / 'frostdesk.db'}", pool=1)) as database,
        database.reading() as session,
    ):
        secret = session.get_one(Installation, "visitor_secret").value
    ended, _ = issue(secret, claims["desk"], -60, claims["sub"])
    page.evaluate(
        "kept => { sessionStorage[Object.keys(sessionStorage)[0]] = kept }", json.dumps({**now, "token": ended})
    )
    page.reload()
    expect(page.locator(CUSTOMER)).to_have_text([CARD])
    say(page, "how do I change my PIN")
    expect(page.locator(BOT)).to_have_count(2)
    assert page.evaluate(kept)["conversation"] == now["conversation"]
    assert all("401" in said for said in troubles)
    troubles.clear()


def test_a_closed_conversation_is_rated_once_and_opens_again(page: Page, admin: httpx.Client) -> None:
    say(page, CARD)
    expect(page.locator(BOT)).to_have_count(2)
    path = hand_over(page, admin)
    assert admin.post(f"{path}/close").status_code == 200
    closed = page.locator("#closed")
    expect(closed).to_contain_text("How was it?")
    closed.get_by_role("button", name="Good").click()
    expect(closed).to_have_text("Thank you.")
    [newest] = admin.get("/v1/admin/conversations", params={"limit": 1}).json()
    assert (newest["status"], newest["rating"]) == ("closed", "good")
    page.reload()
    expect(page.locator(BOT)).to_have_count(2)
    expect(closed).to_be_hidden()
    say(page, "how do I change my PIN")
    expect(page.locator(BOT)).to_have_count(3)
    assert admin.get("/v1/admin/conversations", params={"limit": 1}).json()[0]["rating"] is None


def test_who_finds_nobody_there_leaves_an_address(page: Page, admin: httpx.Client, troubles: list[str]) -> None:
    soon = datetime.now(UTC) + timedelta(days=2)
    day = soon.strftime("%a").lower()
    admin.put("/v1/admin/desk/hours", json={"times": f"{day} 09:00-10:00", "zone": "UTC"}).raise_for_status()
    try:
        path = hand_over(page, admin)
        form = page.locator("#contact")
        expect(form.get_by_role("status")).to_contain_text(f"Nobody is here until {soon:%A}")
        field = form.get_by_label("E-mail address")
        field.fill("ann@nowhere")
        field.press("Enter")
        expect(form.get_by_role("status")).to_contain_text("This is no e-mail address")
        field.fill("ann@shop.example")
        form.get_by_role("button", name="Leave it").click()
        expect(form.get_by_role("status")).to_have_text("We will answer you by e-mail.")
        expect(field).to_be_hidden()
        assert admin.get(path).json()["email"] == "ann@shop.example"
        page.reload()
        expect(page.locator(NOTICE)).to_have_count(1)
        expect(form).to_be_hidden()
    finally:
        admin.delete("/v1/admin/desk/hours").raise_for_status()
    assert all("422" in said for said in troubles)
    troubles.clear()


def test_a_human_is_asked_for_by_a_button(page: Page) -> None:
    say(page, "how much do ramen noodles cost in Japan?")
    page.get_by_role("button", name="I would like to talk to a human").click()
    expect(page.locator(NOTICE)).to_have_text("Handed to a colleague.")
    expect(page.locator(CUSTOMER).last).to_have_text("I would like to talk to a human")
    expect(page.locator("#contact")).to_be_hidden()


def test_a_new_conversation_begins_empty(page: Page) -> None:
    say(page, CARD)
    expect(page.locator(BOT)).to_have_count(2)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".words")).to_have_text(["Hello! How can I help?"])
    say(page, "hello")
    expect(page.locator(BOT)).to_have_count(2)


def test_html_is_shown_as_what_was_typed(page: Page, admin: httpx.Client) -> None:
    title = page.title()
    bad = "<img src=x onerror=\"document.title='taken'; alert(1)\"><script>alert(2)</script>"
    say(page, bad)
    expect(page.locator(BOT)).to_have_count(2)
    path = hand_over(page, admin)
    reply(admin, path, f'{bad} javascript:alert(3) https://a.example/"onclick=alert(4)')
    expect(page.locator(COLLEAGUE)).to_contain_text(bad)
    page.reload()
    expect(page.locator(CUSTOMER).first).to_have_text(bad)
    expect(page.locator(COLLEAGUE)).to_contain_text(bad)
    expect(page.locator("#messages").locator("img, script, [onclick], [onerror]")).to_have_count(0)
    expect(page.locator("#messages a")).to_have_attribute("href", "https://a.example/")
    assert page.title() == title


def test_without_the_server_the_message_is_kept_and_sent_by_itself(page: Page, troubles: list[str]) -> None:
    page.context.set_offline(True)
    say(page, CARD)
    expect(page.get_by_role("alert")).to_contain_text("Your message is kept")
    page.context.set_offline(False)
    expect(page.locator(BOT).last).to_contain_text("Cards normally reach you")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(page.locator(CUSTOMER)).to_have_text([CARD])
    troubles.clear()


def lose(route: Route) -> None:
    """Let the server have a message, but the page never its answer."""
    route.fetch()
    route.abort()


def test_a_message_whose_answer_was_lost_is_sent_again_and_counts_once(
    page: Page, admin: httpx.Client, troubles: list[str]
) -> None:
    page.route("**/v1/chat/stream", lose, times=1)
    say(page, CARD)
    page.get_by_role("button", name="Send now").click()
    expect(page.locator(BOT).last).to_contain_text("Cards normally reach you")
    expect(page.locator(CUSTOMER)).to_have_text([CARD])
    [newest] = admin.get("/v1/admin/conversations", params={"limit": 1}).json()
    messages = admin.get(f"/v1/admin/conversations/{newest['id']}").json()["messages"]
    assert [message["author"] for message in messages] == ["customer", "bot"]
    troubles.clear()


def test_a_reply_that_breaks_off_is_written_anew(page: Page, troubles: list[str]) -> None:
    def cut(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().partition("event: turn")[0])

    page.route("**/v1/chat/stream", cut, times=1)
    say(page, CARD)
    page.get_by_role("button", name="Send now").click()
    expect(page.locator(".rate")).to_be_visible()
    expect(page.locator(BOT)).to_have_count(2)
    assert str(page.locator(BOT).last.text_content()).count("Cards normally reach you") == 1
    troubles.clear()


def test_a_message_that_could_not_be_sent_outlives_a_reload(page: Page, troubles: list[str]) -> None:
    page.route("**/v1/chat/stream", lose, times=1)
    say(page, CARD)
    expect(page.get_by_role("alert")).to_contain_text("Your message is kept")
    page.reload()
    expect(page.locator(BOT).last).to_contain_text("Cards normally reach you")
    expect(page.locator(CUSTOMER)).to_have_text([CARD])
    troubles.clear()


def test_messages_sent_at_once_are_answered_in_order(page: Page) -> None:
    say(page, CARD)
    say(page, "how do I change my PIN")
    expect(page.locator(BOT)).to_have_count(3)
    expect(page.locator(BOT).nth(1)).to_contain_text("Cards normally reach you")
    expect(page.locator(BOT).nth(2)).to_contain_text("PIN")
    expect(page.locator(CUSTOMER)).to_have_text([CARD, "how do I change my PIN"])


def test_a_screen_reader_is_told_of_finished_messages_alone(page: Page) -> None:
    heard = page.get_by_role("log", name="Conversation")
    page.evaluate("""() => {
        window.told = [];
        const note = (changes) => changes.forEach((change) => told.push(change.addedNodes.length));
        new MutationObserver(note).observe(document.getElementById("heard"), { childList: true, subtree: true, characterData: true });
    }""")
    say(page, CARD)
    expect(heard).to_contain_text("Cards normally reach you")
    expect(page.locator(".rate")).to_be_visible()
    assert page.evaluate("told") == [1]
    expect(heard).not_to_contain_text(CARD)


def test_it_is_used_with_the_keyboard_alone(page: Page) -> None:
    field, send = page.get_by_label("Your message"), page.get_by_role("button", name="Send", exact=True)
    field.fill("hello")
    field.press("Tab")
    expect(send).to_be_focused()
    send.press("Enter")
    expect(page.locator(CUSTOMER)).to_have_text(["hello"])


@pytest.mark.parametrize(("path", "words"), [("/docs", "Start Retraining"), ("/redoc", "Take one customer message")])
def test_the_documentation_is_drawn(blank: Page, path: str, words: str) -> None:
    blank.goto(path)
    expect(blank.get_by_text(words).first).to_be_visible(timeout=20_000)
