"""Trials by command, on a running installation."""

import json

import pytest
from sqlalchemy import select

from agent.database import Database
from agent.tables import Skill, Version
from tests.conftest import Running, wait_for
from tests.frostdesk.conftest import done, refused, shown


@pytest.fixture(scope="module")
def again(own: Running) -> int:
    """A second version of the router: the first over again. Its number."""
    database = Database(f"sqlite:///{own.data / 'frostdesk.db'}", pool=1)
    with database.writing() as session:
        skill = session.scalars(select(Skill).where(Skill.name == "router")).one()
        live = session.get_one(Version, skill.live_version_id)
        row = Version(skill_id=skill.id, number=live.number + 1, digest=live.digest, fingerprint=live.fingerprint)
        session.add(row)
        number = row.number
    database.close()
    return number


def stage(own: Running, trial: str) -> str:
    return str(shown(own.command("trial", "show", trial, "--json"))["stage"])


def test_a_version_goes_through_shadow_and_canary_to_live(own: Running, again: int) -> None:
    plan = ("--shadow-turns", "2", "--conversations", "1", "--share", "90%")
    begun = shown(own.command("trial", "start", "router", str(again), *plan, "--json"))
    assert (begun["stage"], begun["version"], begun["against"]) == ("shadow", again, again - 1)
    assert "under way already" in refused(own.command("trial", "start", "router", str(again)), 2)
    for text in ("my card still hasn't come", "how do I change my PIN"):
        done(own.command("ask", text))
    wait_for(lambda: stage(own, begun["id"]) == "canary", 60)
    printed = done(own.command("trial", "list", "--skill", "router"))
    assert f"v{again} against v{again - 1}" in printed
    assert "of 1 conversations" in printed

    def answered() -> bool:
        return f'"version": {again}' in done(own.command("ask", "my card still hasn't come", "--json"))

    wait_for(answered, 60)
    wait_for(lambda: stage(own, begun["id"]) == "promoted", 60)
    found = shown(own.command("trial", "show", begun["id"], "--json"))
    assert found["figures"]["shadow"]["seen"] == 2
    assert found["figures"]["shadow"]["same_answer"] == 1.0
    assert found["differences"] == []
    told = done(own.command("trial", "show", begun["id"]))
    assert "promoted, " in told
    assert "shadow: 2 messages, 100% of them answered the same" in told
    assert "of them the candidate's" in told
    assert "version" in done(own.command("rollback", "router"))


def test_a_trial_is_stopped_by_hand_and_only_once(own: Running, again: int) -> None:
    begun = shown(own.command("trial", "start", "router", str(again), "--json"))
    assert "stopped" in done(own.command("trial", "stop", begun["id"]))
    assert "has ended already: stopped" in refused(own.command("trial", "stop", begun["id"]), 2)
    assert "no such trial" in refused(own.command("trial", "show", "trial_of_nobody"), 2)


def test_what_makes_no_trial_is_refused_with_a_reason(own: Running, again: int) -> None:
    assert "has no version 99" in refused(own.command("trial", "start", "router", "99"), 2)
    assert "is live already" in refused(own.command("trial", "start", "router", str(again - 1)), 2)
    nothing = ("--shadow-turns", "0", "--conversations", "0")
    assert "needs turns in the shadow" in refused(own.command("trial", "start", "router", str(again), *nothing), 2)
    assert "is no share" in refused(own.command("trial", "start", "router", str(again), "--share", "half"), 2)


def test_a_desk_may_want_every_candidate_tried(own: Running) -> None:
    assert "is not tried" in done(own.command("desk", "trial"))
    on = done(own.command("desk", "trial", "on", "--shadow-turns", "7", "--share", "10%"))
    assert "reads 7 messages unseen, then answers 10% of the conversations until it has had 50" in on
    assert done(own.command("desk", "trial")) == on
    with own.admin() as admin:
        assert json.loads(admin.get("/v1/admin/desk").text)["policy"]["trial"]["share"] == 0.1
    assert "neither on nor off" in refused(own.command("desk", "trial", "maybe"), 2)
    assert "is not tried" in done(own.command("desk", "trial", "off"))
