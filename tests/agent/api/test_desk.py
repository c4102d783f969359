"""A desk's table, articles and words, and that answers follow them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import CARD, ask, error
from tests.conftest import wait_for

SLUG = "bicycle-couriers"
QUESTION = "Do your bicycle couriers deliver garden gnomes?"
ARTICLE = {"question": QUESTION, "answer": "Only gnomes under two kilograms.", "link": None, "phrasings": []}


def rows(client: httpx.Client, what: str, name: str) -> list[dict[str, Any]]:
    return [row for row in client.get(f"/v1/admin/{what}").json() if name in (row.get("slug"), row.get("name"))]


@pytest.fixture
def table(admin: httpx.Client) -> Iterator[str]:
    """The path of card_arrival's row, put back at the end."""
    path = "/v1/admin/intents/card_arrival"
    [before] = rows(admin, "intents", "card_arrival")
    yield path
    admin.put(path, json={name: before[name] for name in ("action", "description", "reply")})
    wait_for(lambda: ask(admin, CARD)["outcome"] == "answered")


def test_the_table_decides_what_a_message_leads_to(admin: httpx.Client, table: str) -> None:
    assert ask(admin, CARD)["outcome"] == "answered"
    admin.put(table, json={"action": "hand_over"})
    wait_for(lambda: ask(admin, CARD)["outcome"] == "escalated")
    turn = ask(admin, CARD)
    assert (turn["route"]["intent"], turn["escalation"]["reason"]) == ("card_arrival", "intent")
    admin.put(table, json={"action": "say", "reply": "The post is on strike."})
    wait_for(lambda: ask(admin, CARD)["outcome"] == "said")
    assert ask(admin, CARD)["reply"] == "The post is on strike."
    admin.put(table, json={"action": "faq"})
    wait_for(lambda: ask(admin, CARD)["outcome"] == "answered")


def test_a_row_of_the_table_comes_and_goes(admin: httpx.Client) -> None:
    path = "/v1/admin/intents/gnomes"
    made = {"name": "gnomes", "description": "Garden gnomes", "action": "say", "reply": "None here."}
    assert admin.put(path, json={k: v for k, v in made.items() if k != "name"}).json() == made
    assert rows(admin, "intents", "gnomes") == [made]
    assert admin.delete(path).status_code == 204
    assert rows(admin, "intents", "gnomes") == []
    error(admin.delete(path), 404, "not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("intents/gnomes", {"action": "dance"}),
        ("intents/gnomes", {"action": "say", "reply": " "}),
        ("intents/Garden%20Gnomes", {"action": "faq"}),
        ("articles/gnomes", {"question": "Gnomes?"}),
        ("articles/gnomes", {"question": "Gnomes?", "answer": "\0"}),
        ("articles/GNOMES", ARTICLE),
        ("articles/gnomes", {**ARTICLE, "phrasings": ["", "x"]}),
    ],
)
def test_what_cannot_be_kept_is_refused(admin: httpx.Client, path: str, body: dict[str, Any]) -> None:
    error(admin.put(f"/v1/admin/{path}", json=body), 422, "bad_input")
    assert rows(admin, path.partition("/")[0], "gnomes") == []


def test_an_article_is_found_changed_and_forgotten_at_once(admin: httpx.Client) -> None:
    path = "/v1/admin/articles/card-not-arrived"
    [before] = rows(admin, "articles", "card-not-arrived")
    body = {name: value for name, value in before.items() if name != "slug"}
    try:
        admin.put(path, json={**body, "answer": "Look under the doormat.", "link": None})
        wait_for(lambda: ask(admin, CARD)["reply"] == "Look under the doormat.")
        assert admin.delete(path).status_code == 204
        wait_for(lambda: (ask(admin, CARD)["article"] or {}).get("slug") != "card-not-arrived")
        error(admin.delete(path), 404, "not_found")
    finally:
        admin.put(path, json=body)
    wait_for(lambda: ask(admin, CARD)["reply"] == f"{before['answer']}\n\n{before['link']}")


def test_a_new_article_is_searched_without_retraining(admin: httpx.Client) -> None:
    def best() -> list[str | None]:
        verdicts = ask(admin, QUESTION)["verdicts"]
        return [verdict["article"] for verdict in verdicts if verdict["skill"] == "faq"]

    assert best() != [SLUG]
    assert admin.put(f"/v1/admin/articles/{SLUG}", json=ARTICLE).json() == {"slug": SLUG, **ARTICLE}
    try:
        wait_for(lambda: best() == [SLUG])
    finally:
        admin.delete(f"/v1/admin/articles/{SLUG}")
    wait_for(lambda: best() != [SLUG])


def test_the_desks_words_are_what_it_says(admin: httpx.Client) -> None:
    [before] = admin.get("/v1/admin/desks").json()
    football = "who won the football last night?"
    try:
        admin.patch("/v1/admin/desk", json={"texts": {"out_of_scope": "We only do cards."}})
        wait_for(lambda: ask(admin, football)["reply"] == "We only do cards.")
    finally:
        admin.patch("/v1/admin/desk", json={"texts": before["texts"]})
    wait_for(lambda: ask(admin, football)["reply"] == before["texts"]["out_of_scope"])
    assert admin.get("/v1/admin/desks").json() == [before]


def test_an_error_budget_silences_what_is_not_sure_enough(admin: httpx.Client) -> None:
    question = "how long does a new card take?"
    sure = ask(admin, question)["article"]["slug"]
    try:
        changed = admin.patch("/v1/admin/desk", json={"error_budget": 0.005}).json()
        assert changed["policy"]["error_budget"] == 0.005
        assert admin.get("/v1/admin/desk").json() == changed
        wait_for(lambda: ask(admin, question)["outcome"] == "no_answer")
        assert sure in [offer["slug"] for offer in ask(admin, question)["suggestions"]]
        said = admin.get("/v1/admin/skills/faq/versions").json()[0]["error_budget"]
        assert (said["budget"], said["in_force"]) == (0.005, True)
        [guarantee] = said["axes"].values()
        assert guarantee["status"] == "no guarantee yet"
        assert "at least 781 answered calibration rows" in guarantee["warning"]
    finally:
        admin.patch("/v1/admin/desk", json={"error_budget": None})
    wait_for(lambda: ask(admin, question)["outcome"] == "answered")
    assert "error_budget" not in admin.get("/v1/admin/desk").json()["policy"]


def test_every_version_says_what_it_may_answer_alone(admin: httpx.Client) -> None:
    for skill, axis in (("faq", "article"), ("router", "intent")):
        said = admin.get(f"/v1/admin/skills/{skill}/versions/1").json()["error_budget"]
        assert (said["budget"], said["in_force"]) == (0.05, False)
        guarantee = said["axes"][axis]
        assert guarantee["rows"] >= 300
        assert guarantee["answered"] == round(guarantee["coverage"] * guarantee["rows"])
        assert guarantee["bound"] <= 0.05 or guarantee["status"] == "no guarantee yet"
        assert (guarantee["warning"] is None) == (guarantee["status"] == "guaranteed")
    assert admin.get("/v1/admin/skills/sentiment/versions/1").json()["error_budget"]["axes"] == {}


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"texts": {"out_of_scop": "a slip"}},
        {"texts": {"out_of_scope": ""}},
        {"rules": [{"name": "x", "contains": "x"}]},
        {"allowed_origins": ["shop.example"]},
        {"allowed_origins": ["https://shop.example/"]},
        {"allowed_origins": ["*"]},
        {"allowed_origins": ["http://["]},
        {"allowed_origins": ["https://shop.example:https"]},
        {"approve": "no"},
        {"retrain_erased": 1},
        {"trial": {"shadow_turns": "5"}},
        {"slug": "new"},
        {"error_budget": 0},
        {"error_budget": 1},
        {"error_budget": "5 %"},
        {"error_budget": "0.05"},
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(admin: httpx.Client, change: dict[str, Any]) -> None:
    before = admin.get("/v1/admin/desks").json()
    error(admin.patch("/v1/admin/desk", json=change), 422, "bad_input")
    assert admin.get("/v1/admin/desks").json() == before
