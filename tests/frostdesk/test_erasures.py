"""Tracing an answer and forgetting a customer, by command; on an installation of our own, for rows go."""

from typing import Any

import pytest
from typer.testing import CliRunner

from frostdesk.cli import app
from tests.conftest import Running, wait_for
from tests.frostdesk.conftest import CARD, done, refused, shown
from tests.lessons import learn, stored
from tests.scan import places_of

WORD = "zanzibarquokka"


@pytest.fixture
def turn(own: Running) -> dict[str, Any]:
    """A customer's corrected turn."""
    asked: dict[str, Any] = shown(own.command("ask", f"{WORD}: how much from a machine", "--json"))
    done(own.command("correct", asked["turn_id"], "--skill", "faq", "--target", "article=card-not-arrived"))
    return asked


def traces(running: Running) -> set[str]:
    with stored(running) as database:
        return places_of(database.engine, WORD)


def answer(running: Running, typed: str, *arguments: str) -> Any:
    """Run a command that asks, and type an answer."""
    return CliRunner().invoke(app, [*arguments], input=typed, env={"FROSTDESK_DATA": str(running.data)})


def test_forgetting_shows_what_would_go_and_does_nothing_until_told_yes(own: Running, turn: dict[str, Any]) -> None:
    call = ("forget", "--conversation", turn["conversation_id"])
    alone = own.command(*call)
    assert (alone.returncode, alone.stdout.strip()) == (1, ""), "nobody is there to say yes"
    assert "would erase 1 conversations, 2 messages, 1 turns" in alone.stderr
    declined = answer(own, "n\n", *call)
    assert (declined.exit_code, "Erased" in declined.stdout) == (1, False)
    assert traces(own)
    agreed = answer(own, "y\n", *call)
    assert (agreed.exit_code, traces(own)) == (0, set())
    assert "Erased 1 conversations, 2 messages, 1 turns" in agreed.stdout
    assert turn["conversation_id"] not in agreed.stdout
    assert "Nothing is left: 1 conversations" in done(own.command(*call))
    listed = shown(own.command("erasures", "--json"))
    assert (listed[0]["actor"], listed[0]["counts"]["examples"]) == ("frostdesk up", 1)
    assert listed[0]["id"] in done(own.command("erasures"))


def test_forgetting_without_a_question_prints_only_json(own: Running, turn: dict[str, Any]) -> None:
    said = shown(own.command("forget", "--conversation", turn["conversation_id"], "--yes", "--json"))
    assert (said["status"], said["retraining_due"]) == ("erased", [])
    assert traces(own) == set()


def test_a_traced_answer_and_the_retraining_an_erasure_opens(own: Running, turn: dict[str, Any]) -> None:
    asked = shown(own.command("ask", CARD, "--json"))["turn_id"]
    assert "faq v1" in done(own.command("lineage", asked))
    assert "shipped with the desk" in done(own.command("lineage", asked))
    run = learn(own, "faq")
    traced = done(own.command("lineage", asked))
    assert f"made by {run}, opened by ana (call)" in traced
    assert f"taught by 1 conversation(s): {turn['conversation_id']}" in traced
    [faq] = [row for row in shown(own.command("lineage", asked, "--json"))["skills"] if row["skill"] == "faq"]
    assert faq["retraining"]["conversations"] == [turn["conversation_id"]]
    told = done(own.command("forget", "--conversation", turn["conversation_id"], "--retrain", "--yes"))
    assert "faq: live version 1 was made with 1 erased example(s); retraining ret_" in told
    opened = told.partition("; retraining ")[2].split()[0]
    try:
        assert "faq learnt from data that is erased" in done(own.command("skills"))
        traced = done(own.command("lineage", asked))
        assert "1 of them erased since" in traced
        assert "taught by 0 conversation(s): -" in traced
    finally:
        own.command("cancel", opened)
    with own.admin() as admin:
        wait_for(lambda: admin.get(f"/v1/admin/retrainings/{opened}").json()["status"] == "cancelled", 180)


def test_a_desk_is_told_whether_erasures_open_retrainings(own: Running) -> None:
    assert "opens nothing" in done(own.command("desk", "retrain-erased"))
    assert "opens what is due" in done(own.command("desk", "retrain-erased", "on"))
    assert "opens what is due" in done(own.command("desk", "retrain-erased"))
    assert "neither on nor off" in refused(own.command("desk", "retrain-erased", "perhaps"), 2)
    assert "opens nothing" in done(own.command("desk", "retrain-erased", "off"))


def test_one_customer_must_be_named_and_known(own: Running) -> None:
    assert "--visitor V, --customer NAME or --conversation C" in refused(own.command("forget"), 2)
    assert "--visitor V" in refused(own.command("forget", "--visitor", "v", "--conversation", "c", "--yes"), 2)
    assert "check the id" in refused(own.command("forget", "--visitor", "vis_of_nobody"), 2)
    assert "check the id" in refused(own.command("forget", "--visitor", "vis_of_nobody", "--yes"), 2)
    assert "no such turn" in refused(own.command("lineage", "turn_of_nobody"), 2)
    nowhere = own.command("forget", "--visitor", "v", "--yes", FROSTDESK_URL="http://127.0.0.1:9")
    assert "No Frostdesk server" in refused(nowhere, 3)
