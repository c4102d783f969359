"""`frostdesk ask`, and the exit codes every command shares."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from frostdesk.queue_server import free_port
from tests.conftest import Running
from tests.frostdesk.conftest import CARD, done, refused, shown


def test_ask_shows_reply_route_verdicts_confidences_and_versions(server: Running) -> None:
    said = done(server.command("ask", CARD))
    assert said.startswith("Cards normally reach you")
    assert re.search(r"answered +route card_arrival \([01]\.\d\d\) -> faq +\d+ ms", said)
    assert re.search(r"router +card_arrival +[01]\.\d\d +yes +v1", said)
    assert re.search(r"faq +card-not-arrived +[01]\.\d\d +yes +v1", said)
    for label in ("asks_for_human", "negative", "abusive"):
        assert re.search(rf"sentiment +{label} +[01]\.\d\d +\S+ +v1", said)
    assert re.search(r"conversation conv_\w+ +turn turn_\w+", said)


def test_ask_lists_the_nearest_articles_when_it_has_no_answer(server: Running) -> None:
    said = done(server.command("ask", "how much do ramen noodles cost in Japan?"))
    assert re.search(r"^- What .*abroad", said, re.MULTILINE | re.IGNORECASE), said


def test_ask_as_json_is_the_endpoints_body(server: Running) -> None:
    turn = shown(server.command("ask", CARD, "--json"))
    with server.admin() as admin:
        assert turn == admin.get(f"/v1/admin/turns/{turn['turn_id']}").json()
        assert set(turn) == set(admin.post("/v1/chat", json={"message": CARD}).json())


def test_ask_continues_a_conversation_until_a_human_has_it(server: Running) -> None:
    first = shown(server.command("ask", "hello", "--json"))["conversation_id"]
    handed = done(server.command("ask", "get me a human", "--conversation", first))
    assert "handed over: asked_for_human" in handed
    assert "First request: hello" in handed
    assert "(no reply: silent)" in done(server.command("ask", "are you there?", "--conversation", first))
    with server.admin() as admin:
        assert len(admin.get(f"/v1/admin/conversations/{first}").json()["messages"]) == 5
        admin.post(f"/v1/admin/conversations/{first}/close")


def test_what_a_customer_writes_is_shown_as_it_is(server: Running) -> None:
    turn = shown(server.command("ask", "[red]Grüße[/red] 🙂", "--json"))
    read = done(server.command("conversation", "read", turn["conversation_id"]))
    assert "[red]Grüße[/red] 🙂" in read


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ask", "   "], "empty"),
        (["ask", "x" * 10_001], "10000"),
        (["ask", "hello", "--desk", "nowhere"], "no desk called 'nowhere'"),
        (["ask", "hello", "--conversation", "conv_none"], "conversation"),
        (["correct", "turn_none", "--skill", "router", "--target", "card_arrival"], "NAME=VALUE"),
        (["correct", "turn_none", "--skill", "router", "--target", "=x"], "NAME=VALUE"),
        (["correct", "turn_none", "--skill", "router", "--target", "intent=none"], "turn"),
        (["versions", "nothing"], "no skill called 'nothing'"),
        (["conversation", "read", "../skills"], ""),
        (["article", "remove", "no-such"], "no-such"),
        (["intent", "add", "Bad Name"], "name"),
        (["promote", "router", "99"], "99"),
        (["rollback", "router"], "no earlier version"),
        (["key", "revoke", "key_none"], "no such key"),
        (["delivery", "resend", "dlv_none"], "delivery"),
        (["worker", "--queue", "mail"], "mail"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(server: Running, arguments: list[str], words: str) -> None:
    assert words in refused(server.command(*arguments), 2)


def test_a_wrong_key_says_what_to_do(server: Running) -> None:
    assert "Set FROSTDESK_KEY" in refused(server.command("skills", FROSTDESK_KEY="fd_no.key"), 2)
    refused(server.command("skills", FROSTDESK_KEY="schlüssel"), 2)


def test_a_setting_that_cannot_be_used_is_named(server: Running) -> None:
    assert "FROSTDESK_PORT" in refused(server.command("skills", FROSTDESK_PORT="many"), 2)


@pytest.mark.parametrize("command", ["ask", "versions"])
def test_no_server_is_exit_code_3_and_says_how_to_start_one(server: Running, command: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    sentence = refused(server.command(command, "router", FROSTDESK_URL=url), 3)
    assert url in sentence
    assert "frostdesk up" in sentence


@pytest.mark.parametrize("url", ["nonsense", "http://["])
def test_an_address_that_is_none_is_exit_code_3(server: Running, url: str) -> None:
    assert url in refused(server.command("skills", FROSTDESK_URL=url), 3)


@pytest.fixture
def stranger() -> Iterator[str]:
    """A web server that is not ours."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>welcome</html>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()
        thread.join()


def test_a_server_that_is_not_ours_is_exit_code_3(server: Running, stranger: str) -> None:
    assert "no Frostdesk server" in refused(server.command("skills", FROSTDESK_URL=stranger), 3)
