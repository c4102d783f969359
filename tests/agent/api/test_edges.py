"""Origins, headers, health, the documentation pages, and what the logs keep to themselves."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.agent.api.conftest import TwoDesks, ask, error
from tests.conftest import Running, wait_for

SHOP, THIEF = "https://shop.example", "https://thief.example"


@pytest.fixture
def shop(admin: httpx.Client) -> Iterator[str]:
    """An origin the demo desk allows while a test runs."""
    admin.patch("/v1/admin/desk", json={"allowed_origins": [SHOP]})
    wait_for(lambda: preflight(admin, SHOP).status_code == 204)
    yield SHOP
    admin.patch("/v1/admin/desk", json={"allowed_origins": []})
    wait_for(lambda: preflight(admin, SHOP).status_code == 403)


def preflight(client: httpx.Client, origin: str) -> httpx.Response:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    return client.options("/v1/chat", headers={**headers, "access-control-request-headers": "authorization"})


def cors(answer: httpx.Response) -> set[str]:
    return {name for name in answer.headers if name.startswith("access-control-")}


def test_a_page_of_an_allowed_origin_may_chat(visitor: httpx.Client, shop: str) -> None:
    asked = preflight(visitor, shop)
    assert asked.headers["access-control-allow-origin"] == shop
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert {"authorization", "content-type"} <= set(asked.headers["access-control-allow-headers"].split(", "))
    answer = visitor.post("/v1/chat", json={"message": "hello"}, headers={"origin": shop})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == shop
    assert "origin" in answer.headers["vary"].lower()
    refused = visitor.post("/v1/chat", json={}, headers={"origin": shop})
    assert refused.headers["access-control-allow-origin"] == shop  # the page can read why


def test_a_page_of_another_origin_may_not(visitor: httpx.Client, shop: str, admin: httpx.Client) -> None:
    [desk] = admin.get("/v1/admin/desks").json()
    for origin in (THIEF, f"{shop}.thief.example", "http://shop.example", f"{shop}:8443", "null"):
        asked = preflight(visitor, origin)
        assert (asked.status_code, cors(asked)) == (403, set()), origin
        headers = {"origin": origin}
        for answer in (
            visitor.post("/v1/chat", json={"message": "hello"}, headers=headers),
            visitor.post("/v1/chat/session", json={"site_key": desk["site_key"]}, headers=headers),
        ):
            error(answer, 403, "not_allowed")
            assert cors(answer) == set()


def test_one_desks_origin_is_not_anothers(desks: TwoDesks) -> None:
    desks.other.patch("/v1/admin/desk", json={"allowed_origins": [SHOP]})
    wait_for(lambda: preflight(desks.whole, SHOP).status_code == 204)
    opened = {}
    for desk in desks.whole.get("/v1/admin/desks").json():
        body = {"site_key": desk["site_key"]}
        opened[desk["slug"]] = desks.whole.post("/v1/chat/session", json=body, headers={"origin": SHOP}).status_code
    assert opened == {"pennywhistle": 403, "quiet": 201}


@pytest.mark.parametrize("origin", ["http://[", "https://[::1", "https://[x]:y", "null", "", "\u00e9", "://"])
def test_an_origin_that_is_none_is_nobodys_page(visitor: httpx.Client, origin: str) -> None:
    headers = [(b"origin", origin.encode())]
    assert visitor.get("/healthz", headers=headers).status_code == 200
    error(visitor.post("/v1/chat", json={"message": "hello"}, headers=headers), 403, "not_allowed")


def test_our_own_pages_are_of_no_foreign_origin(visitor: httpx.Client, server: Running) -> None:
    answer = visitor.post("/v1/chat", json={"message": "hello"}, headers={"origin": server.url})
    assert (answer.status_code, cors(answer)) == (200, set())


@pytest.mark.parametrize("path", ["/", "/chat/pennywhistle", "/static/built/chat.js", "/docs", "/healthz", "/nothing"])
def test_every_answer_has_its_security_headers(visitor: httpx.Client, path: str) -> None:
    headers = visitor.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-request-id"].startswith("req_")
    assert "server" not in headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "base-uri 'none'" in policy
    assert "frame-ancestors" in policy
    assert "unsafe-eval" not in policy
    assert ("unsafe-inline" in policy) == (path == "/docs")


def test_the_chat_page_names_its_desk_and_no_other_host(visitor: httpx.Client, admin: httpx.Client) -> None:
    [desk] = admin.get("/v1/admin/desks").json()
    front, named = visitor.get("/"), visitor.get(f"/chat/{desk['slug']}")
    assert front.text == named.text
    assert f'<h1 id="title">{desk["name"]}</h1>' in front.text
    assert f'data-site-key="{desk["site_key"]}"' in front.text
    assert "//" not in front.text
    assert visitor.get("/chat/nobody").status_code == 404


def test_a_desks_name_is_never_html(desks: TwoDesks) -> None:
    desks.other.patch("/v1/admin/desk", json={"name": "<script>alert(1)</script>"})
    page = desks.whole.get("/chat/quiet").text
    desks.other.patch("/v1/admin/desk", json={"name": "Quiet"})
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>" not in page


def test_the_server_says_that_it_lives_and_can_answer(server: Running) -> None:
    for path in ("/healthz", "/readyz"):
        answer = httpx.get(f"{server.url}{path}", trust_env=False)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_documentation_needs_no_other_host(visitor: httpx.Client, path: str) -> None:
    page = visitor.get(path)
    assert page.status_code == 200
    assert not re.search(r"//\w", page.text)
    parts = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert len(parts) >= 2
    for part in parts:
        assert visitor.get(part).status_code == 200, part


def test_the_logs_keep_words_keys_and_tokens_to_themselves(
    server: Running, visitor: httpx.Client, admin: httpx.Client
) -> None:
    word = "zanzibarquokka"
    turn = ask(visitor, f"where is my {word} card", client_message_id=f"id-{word}")
    handed = ask(visitor, f"{word}! get me a human", turn["conversation_id"])
    for address in (f"{word}@shop.example", f"{word}@"):
        visitor.post(f"/v1/conversations/{handed['conversation_id']}/contact", json={"email": address})
    made = admin.post("/v1/admin/keys", json={"name": word}).json()
    admin.post(f"/v1/admin/conversations/{handed['conversation_id']}/reply", json={"text": f"{word}?"})
    visitor.post(f"/v1/turns/{turn['turn_id']}/feedback", json={"rating": "down", "comment": word})
    visitor.get("/v1/conversations/none/messages", params={"after": word})
    visitor.get(f"/{word}", params={"q": word}, headers={"authorization": f"Bearer {word}"})
    visitor.post("/v1/chat", json={"message": [word]})
    admin.post(
        "/v1/admin/import/examples", params={"skill": "router", "form": "csv"}, content=f"text,{word}\n{word},{word}\n"
    )
    admin.delete(f"/v1/admin/keys/{made['id']}")
    done = visitor.get("/healthz").headers["x-request-id"]
    files = [*(server.data / "logs").iterdir(), server.output]
    wait_for(lambda: done in (server.data / "logs" / "api.log").read_text())
    logs = "".join(path.read_text(errors="replace") for path in files)
    token = visitor.headers["authorization"].removeprefix("Bearer ")
    for secret in (word, server.key, made["key"], made["key"].partition(".")[2], token, token.split(".")[2]):
        assert secret not in logs
