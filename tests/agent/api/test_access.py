"""Who may call the admin routes: keys, desks, and the schema that names every route."""

from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import TwoDesks, ask, desk_client, error, key_client, operations
from tests.conftest import Running

OF_NO_DESK = ("/v1/admin/desks", "/v1/admin/status")


def admin_calls(client: httpx.Client) -> list[tuple[str, str]]:
    calls = [(method, path) for method, path, _ in operations(client) if path.startswith("/v1/admin")]
    assert len(calls) > 30
    return [(method, path.replace("{number}", "1").replace("{", "").replace("}", "")) for method, path in calls]


def test_no_admin_route_opens_without_a_key(server: Running, visitor: httpx.Client) -> None:
    calls = admin_calls(visitor)
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as nobody:
        for method, path in calls:
            error(nobody.request(method, path), 401, "not_signed_in")


def test_no_admin_route_opens_with_a_visitors_token(visitor: httpx.Client) -> None:
    for method, path in admin_calls(visitor):
        error(visitor.request(method, path), 401, "not_signed_in")


def test_every_operation_is_described_with_its_errors(visitor: httpx.Client) -> None:
    for method, path, described in operations(visitor):
        assert described["summary"], path
        assert described["description"], path
        assert described["tags"], path
        for status in ("401", "403", "404", "409", "413", "422", "429", "503"):
            said = described["responses"][status]
            if "protocols" in described["tags"]:
                continue  # each has errors of its own form: test_protocol_errors
            [kind] = said["content"].values()
            assert kind["schema"] == {"$ref": "#/components/schemas/ProblemAnswer"}, (method, path, status)
        assert path.startswith("/v1/admin") <= (described.get("security") == [{"HTTPBearer": []}]), path


def test_a_revoked_key_is_refused_at_once(admin: httpx.Client, server: Running) -> None:
    made = admin.post("/v1/admin/keys", json={"name": "soon gone"}).json()
    with key_client(server, made["key"]) as client:
        assert client.get("/v1/admin/skills").status_code == 200
        assert admin.delete(f"/v1/admin/keys/{made['id']}").status_code == 204
        error(client.get("/v1/admin/skills"), 401, "not_signed_in")
        error(client.post("/v1/chat", json={"message": "hello"}), 401, "not_signed_in")
    error(admin.delete(f"/v1/admin/keys/{made['id']}"), 404, "not_found")


def test_a_key_is_shown_once(admin: httpx.Client) -> None:
    made = admin.post("/v1/admin/keys", json={"name": "shown once"}).json()
    listed = admin.get("/v1/admin/keys")
    assert made["key"].partition(".")[2] not in listed.text
    assert [set(row) for row in listed.json()] == [set(made) - {"key"}] * len(listed.json())
    admin.delete(f"/v1/admin/keys/{made['id']}")


def test_several_desks_must_be_named(desks: TwoDesks) -> None:
    assert "say which" in error(desks.whole.get("/v1/admin/skills"), 422, "bad_input")
    error(desks.whole.get("/v1/admin/skills", params={"desk": "none"}), 404, "not_found")
    assert desks.whole.get("/v1/admin/skills", params={"desk": "quiet"}).status_code == 200
    assert {row["slug"] for row in desks.whole.get("/v1/admin/desks").json()} == {"pennywhistle", "quiet"}


def test_a_desks_key_sees_its_own_desk_only(desks: TwoDesks) -> None:
    assert [row["slug"] for row in desks.other.get("/v1/admin/desks").json()] == ["quiet"]
    assert {row["name"] for row in desks.other.get("/v1/admin/keys").json()} == {"key of quiet"}
    for path in ("articles", "intents", "conversations", "escalations", "review", "corrections", "promotions"):
        assert desks.other.get(f"/v1/admin/{path}").json() == [], path
        assert desks.demo.get(f"/v1/admin/{path}").status_code == 200, path


def test_a_desks_key_makes_no_desk_and_no_key_of_the_installation(desks: TwoDesks) -> None:
    error(desks.other.post("/v1/admin/desks", json={"slug": "third", "name": "Third"}), 403, "not_allowed")
    body = {"name": "all", "installation": True}
    error(desks.other.post("/v1/admin/keys", json=body), 403, "not_allowed")
    made = desks.whole.post("/v1/admin/keys", json=body).json()
    assert made["desk_id"] is None
    error(desks.other.delete(f"/v1/admin/keys/{made['id']}"), 404, "not_found")
    assert desks.whole.delete(f"/v1/admin/keys/{made['id']}").status_code == 204


def test_a_desks_key_opens_no_other_desk_by_name(desks: TwoDesks) -> None:
    for method, path in admin_calls(desks.other):
        if path in OF_NO_DESK or path.startswith("/v1/admin/keys"):
            continue
        error(desks.other.request(method, path, params={"desk": "pennywhistle"}), 404, "not_found")
    for path, body in (("/v1/admin/keys", {"name": "mine"}), ("/v1/chat", {"message": "hello"})):
        error(desks.other.post(path, params={"desk": "pennywhistle"}, json=body), 404, "not_found")


@pytest.fixture
def foreign(desks: TwoDesks) -> dict[str, str]:
    """Ids of things on the demo desk."""
    turn = ask(desks.demo, "get me a human")
    connection = desks.demo.post("/v1/admin/connections", json={"name": f"c-{turn['turn_id'][-12:]}"}).json()
    return {
        "turn": turn["turn_id"],
        "conversation": turn["conversation_id"],
        "connection": connection["name"],
        "key": desks.demo.get("/v1/admin/keys").json()[0]["id"],
    }


def everything(client: httpx.Client) -> dict[str, Any]:
    """What a desk's key can read."""
    paths = ("articles", "intents", "skills", "escalations", "conversations", "corrections", "connections", "desks")
    return {path: client.get(f"/v1/admin/{path}").json() for path in paths}


def test_a_desks_key_opens_nothing_of_another_desk_by_id(desks: TwoDesks, foreign: dict[str, str]) -> None:
    before = everything(desks.demo)
    conversation = f"/v1/admin/conversations/{foreign['conversation']}"
    correction = {"turn_id": foreign["turn"], "skill": "router", "target": {"intent": "greeting"}}
    calls: list[tuple[str, str, Any]] = [
        ("GET", conversation, None),
        ("POST", f"{conversation}/reply", {"text": "hello"}),
        ("POST", f"{conversation}/give-back", None),
        ("POST", f"{conversation}/close", None),
        ("GET", f"/v1/admin/turns/{foreign['turn']}", None),
        ("POST", "/v1/admin/corrections", correction),
        ("DELETE", f"/v1/admin/connections/{foreign['connection']}", None),
        ("DELETE", "/v1/admin/articles/card-not-arrived", None),
        ("DELETE", "/v1/admin/intents/card_arrival", None),
        ("DELETE", f"/v1/admin/keys/{foreign['key']}", None),
        ("GET", f"/v1/conversations/{foreign['conversation']}/messages", None),
        ("GET", f"/v1/conversations/{foreign['conversation']}/events", None),
        ("POST", "/v1/chat", {"message": "hello", "conversation_id": foreign["conversation"]}),
        ("POST", f"/v1/conversations/{foreign['conversation']}/contact", {"email": "ann@shop.example"}),
        ("POST", f"/v1/turns/{foreign['turn']}/feedback", {"rating": "down"}),
        ("GET", "/v1/admin/skills/router/versions/1", None),
        ("POST", "/v1/admin/skills/router/promote", {"version": 1}),
    ]
    for method, path, body in calls:
        error(desks.other.request(method, path, json=body), 404, "not_found")
    assert everything(desks.demo) == before


def test_a_retraining_of_another_desk_is_not_found(desks: TwoDesks) -> None:
    opened = desks.demo.post("/v1/admin/skills/classification/retrain").json()
    path = f"/v1/admin/retrainings/{opened['id']}"
    try:
        error(desks.other.get(path), 404, "not_found")
        error(desks.other.post(f"{path}/cancel"), 404, "not_found")
        assert opened["id"] not in [row["id"] for row in desks.other.get("/v1/admin/retrainings").json()]
    finally:
        assert desks.demo.post(f"{path}/cancel").status_code == 202


def test_a_visitor_of_one_desk_is_none_of_another(desks: TwoDesks, foreign: dict[str, str]) -> None:
    [quiet] = desks.other.get("/v1/admin/desks").json()
    with key_client(desks.running, "none") as visitor:
        session = visitor.post("/v1/chat/session", json={"site_key": quiet["site_key"]}).json()
        assert session["desk"] == "Quiet"
        visitor.headers["authorization"] = f"Bearer {session['token']}"
        error(visitor.get(f"/v1/conversations/{foreign['conversation']}/messages"), 404, "not_found")
        assert ask(visitor, "hello")["outcome"] == "out_of_scope"  # nothing is tuned there


def test_a_desks_key_of_its_own_making_works(desks: TwoDesks) -> None:
    with desk_client(desks.running, desks.other, "quiet") as client:
        assert client.get("/v1/admin/desks").json()[0]["slug"] == "quiet"
