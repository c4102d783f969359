"""Reviewing, correcting, retraining by command; on an installation of our own, for examples stay."""

import json
import os
import subprocess
import sys

import httpx

from tests.conftest import Running, wait_for
from tests.frostdesk.conftest import done, refused, shown


def test_skills_and_versions_are_shown_with_scorecards(own: Running) -> None:
    listed = done(own.command("skills"))
    for name in ("router", "classification", "faq", "sentiment"):
        assert name in listed
    assert "v1" in listed
    [version] = shown(own.command("versions", "router", "--json"))
    assert (version["number"], version["status"]) == (1, "live")
    plain = done(own.command("versions", "router"))
    assert f"{version['scorecard']['right']:.1%}" in plain
    assert version["digest"][:12] in plain


def test_a_correction_leaves_the_review_and_waits_to_be_learnt(own: Running) -> None:
    turn = shown(own.command("ask", "is there a fee for a lost umbrella", "--json"))["turn_id"]
    assert turn in done(own.command("review", COLUMNS="80")), "an id is never cut"
    assert "umbrella" in refused(own.command("correct", turn, "--skill", "router", "--target", "intent=umbrella"), 2)
    said = done(own.command("correct", turn, "--skill", "router", "--target", "intent=none", "--note", "not a bank's"))
    assert "Recorded as " in said
    assert turn not in done(own.command("review", "--limit", "500"))
    row = corrections(own)[turn]
    assert (row["target"], row["note"], row["reviewer"]) == ({"intent": None}, "not a bank's", "frostdesk up")
    [router] = [skill for skill in shown(own.command("skills", "--json")) if skill["name"] == "router"]
    assert router["corrections_waiting"] >= 1


def test_a_correction_is_taken_back_by_command(own: Running) -> None:
    turn = shown(own.command("ask", "is my umbrella insured against wind", "--json"))["turn_id"]
    done(own.command("correct", turn, "--skill", "router", "--target", "intent=none"))
    row = corrections(own)[turn]["id"]
    assert row in done(own.command("corrections", COLUMNS="200"))
    assert "1 correction(s) withdrawn" in done(own.command("withdraw", str(row)))
    assert "ended already" in refused(own.command("withdraw", str(row)), 2)
    assert "Name a correction, or a reviewer" in refused(own.command("withdraw"), 2)
    assert turn in done(own.command("review", "--limit", "500", COLUMNS="200"))
    assert "has left the review queue" in done(own.command("correct", turn, "--skill", "router", "--discard"))
    assert turn not in done(own.command("review", "--limit", "500", COLUMNS="200"))
    assert shown(own.command("withdraw", "--reviewer", "nobody", "--since", "2026-01-01", "--json")) == []


def test_several_targets_of_true_and_false(own: Running) -> None:
    turn = shown(own.command("ask", "put a person on the line", "--json"))["turn_id"]
    targets = ("--target", "asks_for_human=true", "--target", "abusive=false")
    made = shown(own.command("correct", turn, "--skill", "sentiment", *targets, "--json"))
    assert made["target"] == {"asks_for_human": True, "abusive": False}
    assert made == corrections(own)[turn]


def corrections(running: Running) -> dict[str, dict[str, object]]:
    with running.admin() as admin:
        return {row["turn_id"]: row for row in admin.get("/v1/admin/corrections").json()}


def test_one_retraining_at_a_time_and_a_repeated_call_opens_no_second(own: Running) -> None:
    call = ("retrain", "faq", "--idempotency-key", "once", "--json")
    opened = shown(own.command(*call))["id"]
    try:
        assert shown(own.command(*call))["id"] == opened
        refused(own.command("retrain", "faq"), 2)
        assert opened in done(own.command("retrainings"))
    finally:
        done(own.command("cancel", opened))
    with own.admin() as admin:
        wait_for(lambda: status(admin, opened) == "cancelled")
    run = shown(own.command("retrainings", "--skill", "faq", "--json"))[0]
    assert (run["id"], run["status"]) == (opened, "cancelled")


def test_waiting_for_a_retraining_that_is_cancelled_ends_with_2(own: Running) -> None:
    command = [sys.executable, "-m", "frostdesk", "retrain", "classification", "--wait", "--json"]
    env = {**os.environ, "FROSTDESK_DATA": str(own.data)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as waiting, own.admin() as admin:
        path, params = "/v1/admin/retrainings", {"skill": "classification"}
        wait_for(lambda: admin.get(path, params=params).json())
        run = admin.get(path, params=params).json()[0]
        admin.post(f"{path}/{run['id']}/cancel")
        printed, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 2
    assert json.loads(printed)["status"] == "cancelled"


def test_a_desk_may_want_a_humans_yes(own: Running) -> None:
    assert "goes live by itself" in done(own.command("desk", "approval"))
    assert "A human must say yes." in done(own.command("desk", "approval", "on"))
    assert "neither on nor off" in refused(own.command("desk", "approval", "perhaps"), 2)
    with own.admin() as admin:
        run = admin.post("/v1/admin/skills/classification/retrain").json()["id"]
        admin.post(f"/v1/admin/retrainings/{run}/cancel")
        wait_for(lambda: status(admin, run) == "cancelled")
    for word in ("approve", "decline"):
        assert "does not wait for a yes: it is cancelled" in refused(own.command(word, run), 2)
    assert "goes live by itself" in done(own.command("desk", "approval", "off"))


def status(admin: httpx.Client, retraining: str) -> str:
    return str(admin.get(f"/v1/admin/retrainings/{retraining}").json()["status"])


def test_promoting_by_hand_is_recorded(own: Running) -> None:
    before = shown(own.command("versions", "faq", "--json"))
    assert [row["number"] for row in before] == [1]
    result = own.command("promote", "faq", "1", "--reason", "to be sure")
    if result.returncode == 0:
        assert "faq: version 1 is live" in result.stdout
    else:
        refused(result, 2)
    assert shown(own.command("versions", "faq", "--json")) == before


def test_the_table_of_intents_is_changed_by_command(own: Running) -> None:
    made = shown(own.command("intent", "add", "umbrella", "--action", "say", "--reply", "Sorry.", "--json"))
    assert (made["name"], made["action"], made["reply"]) == ("umbrella", "say", "Sorry.")
    assert "umbrella" in done(own.command("intent", "list"))
    assert done(own.command("intent", "remove", "umbrella")) == "Removed.\n"
    assert "umbrella" in refused(own.command("intent", "remove", "umbrella"), 2)


def test_pages_are_allowed_by_command(own: Running) -> None:
    assert done(own.command("desk", "allow", "https://shop.example")) == "Allowed: https://shop.example\n"
    assert shown(own.command("desk", "list", "--json"))[0]["allowed_origins"] == ["https://shop.example"]
    refused(own.command("desk", "allow", "shop.example/page"), 2)


def test_a_site_gets_a_secret_by_command_and_loses_it(own: Running) -> None:
    made = [shown(own.command("desk", "identity", "new", "--json"))["secret"] for _ in range(2)]
    assert made[0] != made[1]
    assert done(own.command("desk", "identity", "off")) == "Every visitor is anonymous now.\n"
    assert "'new' or 'off'" in refused(own.command("desk", "identity", "maybe"), 2)


def test_the_error_budget_is_set_shown_and_taken_back(own: Running) -> None:
    assert "No error budget is set" in done(own.command("desk", "budget"))
    assert "At most 5.0% of the bot's answers may be wrong" in done(own.command("desk", "budget", "5%"))
    assert "At most 5.0%" in done(own.command("desk", "budget"))
    assert "within 5.0%" in done(own.command("versions", "faq"))
    refused(own.command("desk", "budget", "some"), 2)
    refused(own.command("desk", "budget", "90%"), 2)
    assert "No error budget is set" in done(own.command("desk", "budget", "off"))
