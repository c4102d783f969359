"""Review, corrections, retrainings and versions over HTTP."""

from typing import Any

import httpx
import pytest

from tests.agent.api.conftest import TwoDesks, ask, error
from tests.conftest import wait_for

CORRECTIONS = "/v1/admin/corrections"
RETRAIN = "/v1/admin/skills/classification/retrain"
ENDED = {"promoted", "refused", "failed", "cancelled"}
WORKER_SECONDS = 180
"""A training worker loads its libraries first, which takes long on a busy machine."""


def correct(client: httpx.Client, turn: str, skill: str, target: dict[str, Any]) -> httpx.Response:
    return client.post(CORRECTIONS, json={"turn_id": turn, "skill": skill, "target": target, "note": "a slip"})


def waiting(client: httpx.Client) -> list[str]:
    return [item["turn"]["turn_id"] for item in client.get("/v1/admin/review", params={"limit": 500}).json()]


def test_a_correction_becomes_an_example_and_leaves_the_queue(desks: TwoDesks) -> None:
    text = "my plastic friend is nowhere to be seen"
    turn = ask(desks.demo, text)["turn_id"]
    assert turn in waiting(desks.demo)
    answer = correct(desks.demo, turn, "router", {"intent": "card_arrival"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["skill"], made["target"], made["note"]) == ("router", {"intent": "card_arrival"}, "a slip")
    assert made["reviewer"] == "key of pennywhistle"
    assert made["said"]["verdicts"][0]["skill"] == "router"
    assert made["example_id"]
    assert made["role"] in ("train", "calibration", "gate")  # one turn in fifty is audited
    assert turn not in waiting(desks.demo)
    assert made in desks.demo.get(CORRECTIONS).json()


def test_correcting_again_replaces_the_judgement(desks: TwoDesks) -> None:
    turn = ask(desks.demo, "where is the thing I ordered")["turn_id"]
    first = correct(desks.demo, turn, "router", {"intent": "card_arrival"}).json()
    second = correct(desks.demo, turn, "router", {"intent": None}).json()
    assert (second["example_id"], second["role"]) == (first["example_id"], first["role"])
    standing = [row for row in desks.demo.get(CORRECTIONS).json() if row["turn_id"] == turn and not row["ended_at"]]
    assert [row["target"] for row in standing] == [{"intent": None}]


def test_a_rewritten_a_discarded_and_a_withdrawn_judgement(desks: TwoDesks) -> None:
    turn = ask(desks.demo, "the thingy for the wotsit went poof")["turn_id"]
    asked = {"turn_id": turn, "skill": "router", "target": {"intent": "card_arrival"}}
    written = desks.demo.post(CORRECTIONS, json={**asked, "text": "My card never came, write to me@example.com"}).json()
    assert (written["action"], written["text"]) == ("rewritten", "My card never came, write to me@example.com")
    assert written["example_id"]
    thrown = desks.demo.post(CORRECTIONS, json={"turn_id": turn, "skill": "router", "discard": True}).json()
    assert (thrown["action"], thrown["target"], thrown["example_id"]) == ("discarded", {}, None)
    assert turn not in waiting(desks.demo)
    back = desks.demo.post(f"{CORRECTIONS}/{thrown['id']}/withdraw").json()
    assert back["ended_at"]
    assert turn in waiting(desks.demo)
    error(desks.demo.post(f"{CORRECTIONS}/{thrown['id']}/withdraw"), 409, "conflict")
    error(desks.demo.post(f"{CORRECTIONS}/corr_of_nobody/withdraw"), 404, "not_found")
    error(desks.other.post(f"{CORRECTIONS}/{thrown['id']}/withdraw"), 404, "not_found")


def test_everything_of_a_reviewer_is_taken_back_at_once(desks: TwoDesks) -> None:
    turns = [ask(desks.demo, f"riddle number {word} about the moon")["turn_id"] for word in ("one", "seventeen")]
    made = [correct(desks.demo, turn, "router", {"intent": None}).json() for turn in turns]
    body = {"reviewer": made[0]["reviewer"], "since": made[0]["created_at"]}
    ended = desks.demo.post(f"{CORRECTIONS}/withdraw", json=body).json()
    assert {row["id"] for row in ended} == {row["id"] for row in made}
    assert desks.demo.post(f"{CORRECTIONS}/withdraw", json={"reviewer": "nobody"}).json() == []
    error(desks.demo.post(f"{CORRECTIONS}/withdraw", json={**body, "since": "2026-11-25T10:00:00"}), 422, "bad_input")


def test_when_a_skill_retrains_by_itself_can_be_set(desks: TwoDesks) -> None:
    path = "/v1/admin/skills/router"
    shown = desks.other.patch(path, json={"retrain_hours": 24, "rest_minutes": 5}).json()
    assert (shown["retrain_after"], shown["retrain_hours"], shown["rest_minutes"]) == (20, 24, 5)
    error(desks.other.patch(path, json={"rest_minutes": -1}), 422, "bad_input")
    error(desks.other.post("/v1/admin/retrainings/ret_of_nobody/approve"), 404, "not_found")


def test_a_new_intent_is_named_while_correcting(desks: TwoDesks) -> None:
    turn = ask(desks.demo, "do you insure a journey to the moon")["turn_id"]
    asked = {"turn_id": turn, "skill": "router", "target": {"intent": "moon_travel"}, "new_intent": True}
    assert desks.demo.post(CORRECTIONS, json=asked).json()["target"] == {"intent": "moon_travel"}
    assert "moon_travel" in [row["name"] for row in desks.demo.get("/v1/admin/intents").json()]
    assert "already" in error(desks.demo.post(CORRECTIONS, json=asked), 409, "conflict")
    wrong = {**asked, "skill": "faq", "target": {"article": "moon"}}
    assert "router" in error(desks.demo.post(CORRECTIONS, json=wrong), 422, "bad_input")


@pytest.mark.parametrize(
    ("skill", "target", "named"),
    [
        ("router", {"intent": "no_such_intent"}, "no_such_intent"),
        ("router", {"mood": "angry"}, "mood"),
        ("router", {}, "target"),
        ("router", {"intent": ["greeting"]}, "target"),
        ("faq", {"article": "no-such-article"}, "no-such-article"),
        ("sentiment", {"negative": "very"}, "very"),
        ("classification", {"priority": "whenever"}, "whenever"),
    ],
)
def test_a_judgement_the_desk_does_not_know_is_refused(
    admin: httpx.Client, skill: str, target: dict[str, Any], named: str
) -> None:
    turn = ask(admin, "hello")["turn_id"]
    assert named in error(correct(admin, turn, skill, target), 422, "bad_input")
    assert turn not in [row["turn_id"] for row in admin.get(CORRECTIONS).json()]


def test_a_turn_or_skill_there_is_none_of_is_not_found(admin: httpx.Client) -> None:
    turn = ask(admin, "hello")["turn_id"]
    error(correct(admin, "turn_of_nobody", "router", {"intent": "greeting"}), 404, "not_found")
    sentence = error(correct(admin, turn, "poet", {"intent": "greeting"}), 404, "not_found")
    assert "router" in sentence  # it names those there are
    for path in ("poet/versions", "poet/versions/1", "router/versions/99"):
        error(admin.get(f"/v1/admin/skills/{path}"), 404, "not_found")
    for path in ("poet/retrain", "poet/rollback"):
        error(admin.post(f"/v1/admin/skills/{path}"), 404, "not_found")


def test_a_turn_is_read_again_as_it_was_answered(admin: httpx.Client) -> None:
    turn = ask(admin, "how do I change my PIN")
    assert admin.get(f"/v1/admin/turns/{turn['turn_id']}").json() == turn


def test_a_silent_turn_waits_for_nobody(admin: httpx.Client) -> None:
    conversation = ask(admin, "get me a human")["conversation_id"]
    silent = ask(admin, "hello?", conversation)
    assert silent["outcome"] == "silent"
    assert silent["turn_id"] not in waiting(admin)


class TestRetraining:
    """Opened once, cancelled, or failed with a sentence."""

    def test_the_same_idempotency_key_opens_one_retraining(self, desks: TwoDesks) -> None:
        headers = {"idempotency-key": "nightly-1"}
        first = desks.demo.post(RETRAIN, json={"seed": 7}, headers=headers)
        path = f"/v1/admin/retrainings/{first.json()['id']}"
        try:
            assert first.status_code == 202
            again = desks.demo.post(RETRAIN, json={"seed": 7}, headers=headers)
            assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
            other = desks.demo.post(RETRAIN, json={"seed": 8}, headers=headers)
            assert "another request" in error(other, 422, "bad_input")
            assert "under way" in error(desks.demo.post(RETRAIN), 409, "conflict")
        finally:
            assert desks.demo.post(f"{path}/cancel").status_code == 202
        wait_for(lambda: desks.demo.get(path).json()["status"] in ENDED, WORKER_SECONDS)
        assert desks.demo.get(path).json()["status"] == "cancelled"
        error(desks.demo.post(f"{path}/cancel"), 409, "conflict")
        repeated = desks.demo.post(RETRAIN, json={"seed": 7}, headers=headers)
        assert repeated.json() == desks.demo.get(path).json()

    def test_too_few_examples_fail_with_a_clear_sentence(self, desks: TwoDesks) -> None:
        path = f"/v1/admin/retrainings/{desks.other.post(RETRAIN).json()['id']}"
        wait_for(lambda: desks.other.get(path).json()["status"] in ENDED, WORKER_SECONDS)
        ended = desks.other.get(path).json()
        assert (ended["status"], ended["candidate"]) == ("failed", None)
        assert "'classification' has 0 training examples; it needs at least" in ended["error"]
        assert ended["ended_at"]
        assert desks.other.get("/v1/admin/skills/classification/versions").json() == []

    @pytest.mark.parametrize("body", [{"seed": -1}, {"seed": 2**31}, {"seed": "x"}, {"sed": 1}])
    def test_a_seed_is_a_small_number(self, desks: TwoDesks, body: dict[str, Any]) -> None:
        error(desks.demo.post(RETRAIN, json=body), 422, "bad_input")

    @pytest.mark.parametrize("key", ["", "x" * 201])
    def test_an_idempotency_key_is_neither_empty_nor_endless(self, desks: TwoDesks, key: str) -> None:
        error(desks.demo.post(RETRAIN, headers={"idempotency-key": key}), 422, "bad_input")

    def test_a_retraining_there_is_none_of_is_not_found(self, admin: httpx.Client) -> None:
        error(admin.get("/v1/admin/retrainings/ret_of_nobody"), 404, "not_found")
        error(admin.post("/v1/admin/retrainings/ret_of_nobody/cancel"), 404, "not_found")


def test_a_version_shows_its_scorecard_and_where_it_came_from(admin: httpx.Client) -> None:
    for skill in admin.get("/v1/admin/skills").json():
        [version] = admin.get(f"/v1/admin/skills/{skill['name']}/versions").json()
        assert version == admin.get(f"/v1/admin/skills/{skill['name']}/versions/1").json()
        assert (version["number"], version["status"], skill["live_version"]) == (1, "live", 1)
        assert version["scorecard"]
        assert version["lineage"]
    moves = admin.get("/v1/admin/promotions").json()
    assert {(move["skill"], move["from_version"], move["to_version"]) for move in moves} == {
        (name, None, 1) for name in ("router", "faq", "classification", "sentiment")
    }


def test_promoting_and_going_back_need_somewhere_to_go(admin: httpx.Client) -> None:
    path = "/v1/admin/skills/router"
    assert "live already" in error(admin.post(f"{path}/promote", json={"version": 1}), 409, "conflict")
    assert "no version 99" in error(admin.post(f"{path}/promote", json={"version": 99}), 404, "not_found")
    assert "no earlier version" in error(admin.post(f"{path}/rollback"), 422, "bad_input")
    error(admin.post(f"{path}/promote", json={"version": 2**63}), 422, "bad_input")
    error(admin.get(f"{path}/versions/{2**63}"), 422, "bad_input")


def test_labels_of_tickets_change_and_those_of_the_router_do_not(desks: TwoDesks) -> None:
    path = "/v1/admin/skills/classification"
    labels = {"topic": ["gnomes", "other"]}
    assert desks.other.patch(path, json={"labels": labels, "retrain_after": 5}).json()["labels"] == labels
    assert desks.other.patch(path, json={"retrain_after": 0}).json()["labels"] == labels
    error(desks.other.patch("/v1/admin/skills/router", json={"labels": labels}), 422, "bad_input")
    error(desks.other.patch(path, json={"retrain_after": -1}), 422, "bad_input")
