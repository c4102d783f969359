"""What the chat refuses: strangers, bad tokens, too much, and bodies that say nothing."""

import base64
import json
from collections.abc import Iterator

import httpx
import jwt
import pytest

from agent.database import Database
from agent.tables import Installation
from agent.tokens import ALGORITHM, issue
from tests.agent.api.conftest import CARD, HUMAN, ask, error
from tests.conftest import Running

JSON = {"content-type": "application/json"}
MOST_BYTES = 64 * 1024


def claims_of(client: httpx.Client) -> dict[str, str]:
    token = client.headers["authorization"].removeprefix("Bearer ")
    claims: dict[str, str] = jwt.decode(token, options={"verify_signature": False})
    return claims


def secret_of(server: Running) -> bytes:
    database = Database(f"sqlite:///{server.data / 'frostdesk.db'}", pool=1)
    with database.reading() as session:
        secret = session.get_one(Installation, "visitor_secret").value
    database.close()
    return secret


class TestStrangers:
    """A conversation is its visitor's alone."""

    def test_a_stranger_cannot_read_continue_or_follow(self, visitor: httpx.Client, stranger: httpx.Client) -> None:
        conversation = ask(visitor, CARD)["conversation_id"]
        post = {"message": "hello", "conversation_id": conversation}
        error(stranger.get(f"/v1/conversations/{conversation}/messages"), 403, "not_allowed")
        error(stranger.get(f"/v1/conversations/{conversation}/events"), 403, "not_allowed")
        error(stranger.post("/v1/chat", json=post), 403, "not_allowed")
        assert '"code": "not_allowed"' in stranger.post("/v1/chat/stream", json=post).text
        assert len(visitor.get(f"/v1/conversations/{conversation}/messages").json()["messages"]) == 2

    def test_a_stranger_cannot_rate(self, visitor: httpx.Client, stranger: httpx.Client, admin: httpx.Client) -> None:
        turn = ask(visitor, "a stranger will dislike what becomes of my parrot")["turn_id"]
        error(stranger.post(f"/v1/turns/{turn}/feedback", json={"rating": "down"}), 403, "not_allowed")
        queue = admin.get("/v1/admin/review", params={"limit": 500}).json()
        assert [item["rating"] for item in queue if item["turn"]["turn_id"] == turn] == [None]

    @pytest.mark.parametrize("conversation", ["conv_of_nobody", "..", "%00", "conv_'; DROP TABLE turns"])
    def test_a_conversation_of_nobody_is_not_found(self, visitor: httpx.Client, conversation: str) -> None:
        answer = visitor.get(f"/v1/conversations/{conversation}/messages")
        error(answer, 404, "not_found")

    def test_a_turn_of_nobody_is_not_found(self, visitor: httpx.Client) -> None:
        error(visitor.post("/v1/turns/turn_of_nobody/feedback", json={"rating": "up"}), 404, "not_found")


class TestTokens:
    """Without a good token nobody speaks."""

    def refused(self, server: Running, token: str | None) -> str:
        headers = {} if token is None else {"authorization": token}
        answer = httpx.post(f"{server.url}/v1/chat", json={"message": CARD}, headers=headers, trust_env=False)
        return error(answer, 401, "not_signed_in")

    def test_no_token(self, server: Running) -> None:
        assert "/v1/chat/session" in self.refused(server, None)

    def test_an_expired_token(self, server: Running, visitor: httpx.Client) -> None:
        token, _ = issue(secret_of(server), claims_of(visitor)["desk"], minutes=-1)
        assert "expired" in self.refused(server, f"Bearer {token}")

    def test_a_fresh_token_of_the_same_secret_speaks(self, server: Running, visitor: httpx.Client) -> None:
        token, _ = issue(secret_of(server), claims_of(visitor)["desk"], minutes=1)
        visitor.headers["authorization"] = f"Bearer {token}"
        assert ask(visitor, "hello")["outcome"] == "said"

    @pytest.mark.parametrize(("minutes", "same"), [(-29 * 24 * 60, True), (-31 * 24 * 60, False)])
    def test_an_expired_token_gets_the_same_visitor_a_new_one(
        self, server: Running, visitor: httpx.Client, admin: httpx.Client, minutes: int, same: bool
    ) -> None:
        claims = claims_of(visitor)
        old, _ = issue(secret_of(server), claims["desk"], minutes, claims["sub"])
        key = {"site_key": admin.get("/v1/admin/desk").json()["site_key"]}
        opened = visitor.post("/v1/chat/session", json=key, headers={"authorization": f"Bearer {old}"}).json()
        assert (opened["visitor_id"] == claims["sub"]) is same

    def test_a_token_of_another_desk_or_a_key_renews_nobody(
        self, server: Running, visitor: httpx.Client, admin: httpx.Client
    ) -> None:
        claims = claims_of(visitor)
        other, _ = issue(secret_of(server), "desk_of_others", 5, claims["sub"])
        key = {"site_key": admin.get("/v1/admin/desk").json()["site_key"]}
        for token in (f"Bearer {other}", f"Bearer {other}x", admin.headers["authorization"]):
            opened = visitor.post("/v1/chat/session", json=key, headers={"authorization": token})
            assert opened.status_code == 201
            assert opened.json()["visitor_id"] != claims["sub"]

    @pytest.mark.parametrize("secret", ["x" * 32, None], ids=["another secret", "unsigned"])
    def test_a_forged_token(self, server: Running, visitor: httpx.Client, secret: str | None) -> None:
        algorithm = ALGORITHM if secret else "none"
        self.refused(server, f"Bearer {jwt.encode(claims_of(visitor), secret, algorithm=algorithm)}")

    def test_a_token_with_another_visitor_written_into_it(self, server: Running, visitor: httpx.Client) -> None:
        head, _, signature = visitor.headers["authorization"].split(".")
        claims = json.dumps({**claims_of(visitor), "sub": "vis_somebody_else"}).encode()
        self.refused(server, f"{head}.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{signature}")

    @pytest.mark.parametrize("header", ["Bearer", "Bearer nonsense", "Basic YTpi", "Bearer fd_a.b"])
    def test_nonsense(self, server: Running, header: str) -> None:
        self.refused(server, header)

    def test_a_wrong_site_key_opens_no_session(self, server: Running) -> None:
        answer = httpx.post(f"{server.url}/v1/chat/session", json={"site_key": "pk_none"}, trust_env=False)
        error(answer, 404, "not_found")


def test_a_visitor_who_sends_too_much_must_wait_and_another_need_not(
    visitor: httpx.Client, stranger: httpx.Client
) -> None:
    conversation = ask(visitor, HUMAN)["conversation_id"]
    for _ in range(61):  # whenever the minute began, this is more than two minutes' worth
        answer = visitor.post("/v1/chat", json={"message": "hello?", "conversation_id": conversation})
        if answer.status_code != 200:
            break
    assert "again in" in error(answer, 429, "too_many_requests")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert ask(stranger, "hello")["outcome"] == "said"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": " \n\t\u3000"},
        {"message": "x" * 10_001},
        {"message": 5},
        {"message": None},
        {"message": ["hello"]},
        {"message": "a\0b"},
        {"message": "hello", "conversation_id": 5},
        {"message": "hello", "client_message_id": ""},
        {"message": "hello", "client_message_id": "x" * 65},
    ],
    ids=lambda body: repr(body)[:40],
)
def test_a_message_that_cannot_be_taken_is_named(visitor: httpx.Client, body: dict[str, object]) -> None:
    sentence = error(visitor.post("/v1/chat", json=body), 422, "bad_input")
    assert sentence.split(":")[0] in {"message", "conversation_id", "client_message_id"}


def test_an_unknown_field_is_named(visitor: httpx.Client) -> None:
    answer = visitor.post("/v1/chat", json={"message": "hello", "mesage": "hello"})
    assert error(answer, 422, "bad_input").startswith("mesage:")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"message": "hello"}', "text/plain"),
        (b"message=hello", "application/x-www-form-urlencoded"),
        (b"hello", "application/json"),
        (b'{"message": ', "application/json"),
        (b'{"message": "\xff"}', "application/json"),
        (b'{"message": "\\ud800"}', "application/json"),
        (b'{"\\ud800": "hello"}', "application/json"),
        (b"[" * 30_000, "application/json"),
        (b'{"message": ' + b"1" * 10_000 + b"}", "application/json"),
        (b'["hello"]', "application/json"),
        (b"", "application/json"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_body_that_is_no_json_object_is_refused(visitor: httpx.Client, content: bytes, kind: str) -> None:
    error(visitor.post("/v1/chat", content=content, headers={"content-type": kind}), 422, "bad_input")


def test_a_body_that_is_too_big_is_refused_however_it_is_sent(visitor: httpx.Client) -> None:
    body = json.dumps({"message": "x" * MOST_BYTES}).encode()

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    for path in ("/v1/chat", "/v1/chat/stream"):
        error(visitor.post(path, content=body, headers=JSON), 413, "too_large")
        error(visitor.post(path, content=chunks(), headers=JSON), 413, "too_large")


def test_the_longest_message_is_taken(visitor: httpx.Client) -> None:
    for letter in ("x", "é", "雪", "🙂"):
        assert ask(visitor, letter * 10_000)["turn_id"]


def test_a_place_in_the_conversation_that_no_database_holds_is_refused(visitor: httpx.Client) -> None:
    conversation = ask(visitor, "hello")["conversation_id"]
    for after in ("-1", "x", str(2**31), str(2**64)):
        answer = visitor.get(f"/v1/conversations/{conversation}/messages", params={"after": after})
        error(answer, 422, "bad_input")


def test_unknown_paths_and_methods_have_the_same_shape(visitor: httpx.Client) -> None:
    for path in ("/nothing", "/v1/nothing", "/v1/chat/session/x", "/static/nothing.js", "/static/../app.py"):
        error(visitor.get(path), 404, "not_found")
    answer = visitor.delete("/v1/chat")
    error(answer, 405, "not_allowed")
    assert answer.headers["allow"] == "POST"
    for path, methods in (("/v1/admin/desk", "GET, PATCH"), ("/v1/admin/articles/x", "PUT, DELETE"), ("/docs", "GET")):
        assert visitor.post(path).headers["allow"] == methods
