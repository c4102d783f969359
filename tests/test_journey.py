"""The whole loop on one machine: asked, answered, handed over, corrected, retrained, promoted, undone.

The desk meets something it was never told of: customers who recommend it to their friends.
"""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from sqlalchemy import create_engine, select
from standardwebhooks import Webhook

from agent.tables import Artefact, Correction, Example, Skill, Turn, Version
from skills.backbone import Backbone
from skills.checkpoint import unpack
from tests.conftest import Running, installation, wait_for
from tests.receiver import Receiver

NEW = "refer_a_friend"
INVITING = """Do I get a bonus if my friend opens an account?
How do I invite a friend to join you?
My sister signed up with my link, where is my reward?
Where can I find my referral code?
How much do you pay for recommending the bank to somebody?
I recommended you to a colleague, when does the bonus arrive?
Is there a limit on how many friends I can refer?
Does my friend get something too when they join through me?
The invite link I sent to my cousin does not work
Can I still claim a referral reward from last month?
Why has the refer a friend bonus not been paid?
What are the rules of your refer a friend offer?
My mate joined but forgot to type in my code, do we lose the reward?
How many people have joined through my invitation so far?
I want to share my invitation with my flatmate
Is the referral bonus paid to both of us?""".splitlines()
OTHERS = {
    "The plastic you promised me is nowhere to be seen": "card_arrival",
    "I'd like to alter the four digits of my card": "pin_change",
    "Nobody tells me why my rent is stuck since Monday": "transfer_pending",
    "I want to stop being your client, please shut it all down": "account_closing",
}
HELD_BACK = "what is my reward when I recommend you to a friend?"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """An installation of its own: this journey changes its desk."""
    with installation(tmp_path / "data") as started:
        yield started


def ask(running: Running, *arguments: str) -> dict[str, Any]:
    """What `frostdesk ask --json` prints."""
    done = running.command("ask", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def rows(running: Running, statement: Any) -> list[Any]:
    """Read the installation's database from outside."""
    engine = create_engine(f"sqlite:///{running.data / 'frostdesk.db'}")
    with engine.connect() as connection:
        found = list(connection.execute(statement))
    engine.dispose()
    return found


@pytest.mark.slow
def test_a_desk_learns_what_it_was_never_told(running: Running, backbone: Backbone, receiver: Receiver) -> None:
    with running.admin() as admin, closing(running.visitor()) as visitor:
        meet_a_customer(visitor, admin)
        assert ask(running, HELD_BACK)["route"]["intent"] != NEW
        before = state(admin)
        teach(running, admin)
        retrain(running, before)
        check_snapshot(running, admin)
        check_what_moved(running, admin, backbone, before)
        taught = ask(running, HELD_BACK)
        assert taught["route"]["intent"] == NEW
        assert "20 pounds" in taught["reply"]
        handle_a_ticket(running, admin, receiver)
        undo(running)


def meet_a_customer(visitor: httpx.Client, admin: httpx.Client) -> None:
    """Answered, refused, handed over, answered by a human, given back."""
    turn = visitor.post("/v1/chat", json={"message": "my card still hasn't come"}).json()
    assert turn["article"]["link"] in turn["reply"]
    talk = turn["conversation_id"]

    def say(message: str) -> dict[str, Any]:
        answer: dict[str, Any] = visitor.post("/v1/chat", json={"message": message, "conversation_id": talk}).json()
        return answer

    assert say("who won the football last night?")["outcome"] == "out_of_scope"
    turn = say("this is the third time, get me a human")
    assert turn["escalation"]["reason"] == "asked_for_human"
    assert "this is the third time" in turn["escalation"]["summary"]
    admin.post(f"/v1/admin/conversations/{talk}/reply", json={"text": "Ana here, it is on its way."}).raise_for_status()
    read = visitor.get(f"/v1/conversations/{talk}/messages").json()
    assert read["messages"][-1]["text"] == "Ana here, it is on its way."
    admin.post(f"/v1/admin/conversations/{talk}/give-back").raise_for_status()
    assert say("how do I change my PIN")["outcome"] == "answered"


def state(admin: httpx.Client) -> dict[str, Any]:
    """Which backbone and which prompts answer."""
    fingerprint = admin.get("/v1/admin/status").raise_for_status().json()["fingerprint"]
    skills = {row["name"]: row["live_version"] for row in admin.get("/v1/admin/skills").json()}
    digests = {
        name: admin.get(f"/v1/admin/skills/{name}/versions/{number}").json()["digest"]
        for name, number in skills.items()
    }
    return {"fingerprint": fingerprint, "digests": digests}


def teach(running: Running, admin: httpx.Client) -> None:
    """Add the intent, log twenty customers' conversations, correct each; one by the command."""
    intent = {
        "description": "The reward for a recommendation",
        "action": "say",
        "reply": "Friends earn you 20 pounds each.",
    }
    admin.put(f"/v1/admin/intents/{NEW}", json=intent).raise_for_status()
    lessons = {**dict.fromkeys(INVITING, NEW), **OTHERS}
    assert len(lessons) == 20
    last = ""
    for text, label in lessons.items():
        with closing(running.visitor()) as customer:  # of one customer no more than ten would be learnt
            turn = customer.post("/v1/chat", json={"message": text}).raise_for_status().json()["turn_id"]
        if text == INVITING[0]:
            last = turn
            continue
        body = {"turn_id": turn, "skill": "router", "target": {"intent": label}}
        admin.post("/v1/admin/corrections", json=body).raise_for_status()
    done = running.command("correct", last, "--skill", "router", "--target", f"intent={NEW}")
    assert done.returncode == 0, done.stderr


def retrain(running: Running, before: dict[str, Any]) -> None:
    """`frostdesk retrain router --wait` ends promoted and says why."""
    done = running.command("retrain", "router", "--wait")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "promoted" in done.stdout
    with running.admin() as admin:
        wait_for(lambda: state(admin)["digests"]["router"] != before["digests"]["router"])


def check_snapshot(running: Running, admin: httpx.Client) -> None:
    """Every train correction is in the snapshot; no unreviewed turn is; a Celery worker trained."""
    run = admin.get("/v1/admin/retrainings", params={"skill": "router"}).json()[0]
    corrected = rows(running, select(Correction.id, Correction.turn_id, Example.id, Example.role).join(Example))
    assert len(corrected) == 20
    train = [row for row in corrected if row.role == "train"]
    assert train, "nearly all corrections are for training; audited turns are for the gate"
    assert {row[0] for row in train} == set(run["snapshot"]["train_corrections"])
    assert {row[2] for row in train} <= set(run["snapshot"]["train"])
    reviewed = {row.turn_id for row in corrected}
    logged = rows(running, select(Example.correction_id, Example.source).where(Example.source != "demo"))
    assert len(logged) == 20
    assert all(row.correction_id for row in logged), "an example came from a turn nobody reviewed"
    unreviewed = {row.id for row in rows(running, select(Turn.id))} - reviewed
    assert unreviewed, "some turns of this journey were not reviewed"
    pid = int(run["worker"].rsplit(":", 1)[1])
    assert pid in descendants(running.process.pid)
    command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    assert re.search(r"celery|worker", command), command


def descendants(pid: int) -> set[int]:
    """All processes below one."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in children}.union(*(descendants(int(child)) for child in children))


def check_what_moved(running: Running, admin: httpx.Client, backbone: Backbone, before: dict[str, Any]) -> None:
    """The router's prefix moved; the backbone and every other prompt are the same bytes."""
    after = state(admin)
    assert after["fingerprint"] == before["fingerprint"] == backbone.fingerprint
    others = [name for name in before["digests"] if name != "router"]
    assert {name: after["digests"][name] for name in others} == {name: before["digests"][name] for name in others}
    statement = (
        select(Artefact.digest, Artefact.content)
        .join(Version, Version.digest == Artefact.digest)
        .join(Skill, Skill.id == Version.skill_id)
    )
    stored = {row.digest: row.content for row in rows(running, statement.where(Skill.name == "router"))}
    old, new = (unpack(stored[at["digests"]["router"]], at["digests"]["router"], backbone) for at in (before, after))
    assert not torch.equal(old.prefix, new.prefix)


def handle_a_ticket(running: Running, admin: httpx.Client, receiver: Receiver) -> None:
    """A signed ticket gets labels and a reply; the same event again changes nothing."""
    connect = {"name": "helpdesk", "url": receiver.address("200")}
    connection = admin.post("/v1/admin/connections", json=connect).raise_for_status().json()
    body = json.dumps({"type": "ticket.created", "data": {"ticket_id": "T1", "text": "my card still hasn't come"}})
    now = datetime.now(UTC)
    headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(now.timestamp()))}
    headers["webhook-signature"] = Webhook(connection["secret"]).sign("evt_1", now, body)
    answers = [httpx.post(connection["endpoint"], content=body, headers=headers, trust_env=False) for _ in range(2)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(202, "accepted"), (202, "known")]
    wait_for(lambda: receiver.got)
    _, content, signed = receiver.got[0]
    Webhook(connection["secret"]).verify(content, signed)
    data = json.loads(content)["data"]
    assert data["ticket_id"] == "T1"
    assert data["topic"] == "cards"
    assert data["priority"] in ("low", "normal", "high", "urgent")
    assert data["article"]["link"] in data["reply"]
    again = httpx.post(connection["endpoint"], content=body, headers=headers, trust_env=False)
    assert again.json()["status"] == "known"
    wait_for(lambda: [row["status"] for row in admin.get("/v1/admin/deliveries").json()] == ["sent"])
    assert len(receiver.got) == 1


def undo(running: Running) -> None:
    """`frostdesk rollback router` brings the old version back, mistakes included."""
    done = running.command("rollback", "router")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: ask(running, HELD_BACK)["route"]["intent"] != NEW, 20)
