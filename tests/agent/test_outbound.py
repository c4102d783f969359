"""What a desk's endpoints are told, and that it is told exactly when it is true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select, update

from agent.conversations import Said, add_message, end_escalation, receive
from agent.customers import Customer, find_traces
from agent.database import Database
from agent.erasures import erase
from agent.jobs import QUEUES
from agent.office import Office, close_office, open_office
from agent.outbound import TYPES, content_of, tell_of
from agent.promotions import find_version, promote, rollback
from agent.retrainings import MOST_ATTEMPTS, cancel, claim, decline, end, expire, open_retraining
from agent.settings import Settings
from agent.tables import Artefact, Conversation, Desk, Retraining, Skill, Version, utc_now
from agent.turn import take_turn
from tests.endpoints import add_endpoint, change, events

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "events.md"
FIELDS = {
    kind: set(re.findall(r"`(\w+)`", fields))
    for kind, fields in re.findall(r"^\| `([\w.]+)` \|.*\| (.+) \|$", GUIDE.read_text(), re.MULTILINE)
}
CARD, HUMAN = "my card still hasn't come", "this is the third time, get me a human"
NO_WORDS = ("card still", "third time", "Cards normally")


def told(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """Return (type, data) of all events in order; each has the fields that the guide names, and is small."""
    found = events(database)
    for row in found:
        assert set(row.data) == FIELDS[row.type], row.type
        body = json.dumps(content_of(row))
        assert len(body) < 20_000
        assert not [words for words in NO_WORDS if words in body]
    return [(row.type, row.data) for row in found]


def say(office: Office, text: str, conversation: str | None = None, **more: Any) -> str:
    with office.database.reading() as session:
        desk = session.scalars(select(Desk.id)).one()
    return str(take_turn(office, desk, Said(text, "chat", conversation, **more))["turn_id"])


def test_the_guide_names_every_type() -> None:
    assert set(FIELDS) == TYPES


def test_turns_tell_what_the_bot_did_without_a_word_of_it(office: Office) -> None:
    add_endpoint(office.database, "https://ops.example/")
    turn = say(office, CARD)
    [(kind, data)] = told(office.database)
    assert (kind, data["turn_id"], data["outcome"]) == ("turn.answered", turn, "answered")
    assert (data["intent"], data["article"], data["channel"]) == ("card_arrival", "card-not-arrived", "chat")
    assert set(data["versions"]) == {"router", "classification", "faq", "sentiment"}
    handed = say(office, HUMAN, data["conversation_id"])
    say(office, "hello?", data["conversation_id"])
    _, (kind, data) = told(office.database)
    assert (kind, data["turn_id"], data["reason"]) == ("conversation.escalated", handed, "asked_for_human")
    assert data["escalation_id"].startswith("esc_")
    say(office, "how much do ramen noodles cost in Japan?")
    *_, (kind, data) = told(office.database)
    assert (kind, data["outcome"]) == ("turn.unanswered", "out_of_scope")


def test_a_repeated_message_tells_nothing_twice(office: Office) -> None:
    add_endpoint(office.database, "https://ops.example/")
    for _ in range(2):
        say(office, CARD, client_id="m1", visitor_id="vis_1")
    assert [kind for kind, _ in told(office.database)] == ["turn.answered"]


def test_a_desk_without_endpoints_writes_nothing(office: Office) -> None:
    say(office, HUMAN)
    assert events(office.database) == []
    endpoint = add_endpoint(office.database, "https://ops.example/", types=["skill.promoted"])
    say(office, HUMAN)
    assert events(office.database) == []
    change(office.database, endpoint, types=[], disabled_at=utc_now())
    say(office, HUMAN)
    assert events(office.database) == []


@pytest.fixture
def talk(database: Database) -> str:
    """A conversation of a desk with an endpoint; its id."""
    endpoint = add_endpoint(database, "https://ops.example/")
    with database.writing() as session:
        return receive(session, endpoint.desk_id, Said("hello", "chat", visitor_id="vis_1")).conversation_id


def test_a_conversations_ends_and_beginnings_are_told_once(database: Database, talk: str) -> None:
    for status in ("given_back", "closed", "closed"):
        with database.writing() as session:
            conversation = session.get_one(Conversation, talk)
            end_escalation(session, conversation, status)  # type: ignore[arg-type]
            if status == "closed":
                conversation.status = "closed"
    with database.writing() as session:
        desk = session.scalars(select(Desk.id)).one()
        receive(session, desk, Said("me again", "chat", talk, visitor_id="vis_1"))
        receive(session, desk, Said("and again", "chat", talk, visitor_id="vis_1"))
    assert [kind for kind, _ in told(database)] == [
        "conversation.given_back",
        "conversation.closed",
        "conversation.reopened",
    ]


def test_a_test_message_of_a_helpdesk_tells_nothing_and_a_ticket_its_id(database: Database) -> None:
    endpoint = add_endpoint(database, "https://ops.example/")
    for ticket in ("0", "T-17"):
        with database.writing() as session:
            talk = Conversation(desk_id=endpoint.desk_id, channel="chatwoot", external_id=ticket)
            session.add(talk)
            session.flush()
            tell_of(session, talk, "conversation.closed")
    assert [data["ticket_id"] for _, data in told(database)] == ["T-17"]


def test_what_is_rolled_back_is_not_told(database: Database, talk: str) -> None:
    nudged: list[tuple[str, str]] = []
    own = Database(database.url.render_as_string(hide_password=False), pool=1, nudge=lambda *row: nudged.append(row))
    with pytest.raises(RuntimeError), own.writing() as session:
        end_escalation(session, session.get_one(Conversation, talk), "closed")
        raise RuntimeError
    assert (events(database), nudged) == ([], [])
    with own.writing() as session:
        end_escalation(session, session.get_one(Conversation, talk), "closed")
        end_escalation(session, session.get_one(Conversation, talk), "closed")
        assert nudged == []
    own.close()
    [endpoint] = {row.endpoint_id for row in events(database)}
    assert nudged == [("send_events", endpoint)], "once, after the commit"


def test_a_process_nudges_workers_about_what_it_has_written(
    database: Database, talk: str, tiny_folder: Path, queue_url: str, tmp_path: Path
) -> None:
    url, queue = database.url.render_as_string(hide_password=False), f"{queue_url.removesuffix('/0')}/5"
    with Redis.from_url(queue) as redis:
        redis.flushdb()
        office = open_office(
            Settings(data=tmp_path, database_url=url, redis_url=queue, backbone=str(tiny_folder), precision="float32")
        )
        with office.database.writing() as session:
            end_escalation(session, session.get_one(Conversation, talk), "closed")
        close_office(office)
        assert redis.llen(QUEUES["send_events"]) == 1
        redis.flushdb()


def test_erasing_a_customer_removes_their_events(database: Database, talk: str) -> None:
    with database.writing() as session:
        desk = session.scalars(select(Desk.id)).one()
        other = receive(session, desk, Said("hi", "chat", visitor_id="vis_2")).conversation_id
        for conversation in (talk, other):
            add_message(session, session.get_one(Conversation, conversation), "bot", "hello")
            end_escalation(session, session.get_one(Conversation, conversation), "closed")
    with database.writing() as session:
        customer = Customer("visitor", "vis_1")
        row = erase(session, desk, customer, find_traces(session, desk, customer), "ana")
        assert row.counts["outbound_events"] == 1
    assert [data["conversation_id"] for _, data in told(database)] == [other]


@pytest.fixture
def skill(database: Database) -> str:
    """A router with three versions, on a desk with an endpoint; its id."""
    add_endpoint(database, "https://ops.example/")
    with database.writing() as session:
        row = session.scalars(select(Skill).where(Skill.name == "router")).one()
        for number in (1, 2, 3):
            session.add(Artefact(digest=f"digest{number}", content=b"x"))
            session.flush()
            session.add(Version(skill_id=row.id, number=number, digest=f"digest{number}", fingerprint="f"))
        return row.id


def test_promotions_and_rollbacks_are_told_with_their_versions(database: Database, skill: str) -> None:
    for number in (1, 2):
        with database.writing() as session:
            row = session.get_one(Skill, skill)
            promote(session, row, find_version(session, row, number), row.live_version_id, "ana", "because")
    with database.writing() as session:
        rollback(session, session.get_one(Skill, skill), "ben")
    moves = [(kind, data["from_version"], data["to_version"], data["actor"]) for kind, data in told(database)]
    assert moves == [
        ("skill.promoted", None, 1, "ana"),
        ("skill.promoted", 1, 2, "ana"),
        ("skill.rolled_back", 2, 1, "ben"),
    ]


def run(database: Database, skill: str, status: str, **values: Any) -> str:
    """Let a retraining end, having suspected a phrase."""
    with database.writing() as session:
        job = open_retraining(session, session.get_one(Skill, skill), "call", "ana").id
        row = claim(session, job, "w")
        assert row is not None
        row.snapshot = {"suspects": [["my secret words", "intent", "card"]]}
        row.candidate_id = session.scalars(select(Version.id).where(Version.number == 3)).one()
        session.flush()
        end(session, row, status, **values)
        return job


def test_retrainings_tell_how_they_ended_and_quote_nobody(database: Database, skill: str) -> None:
    quoted = {"promote": False, "reason": "The words 'my secret words' alone turn 5.", "figures": {}}
    refused = run(database, skill, "refused", decision=quoted)
    held = run(database, skill, "held", decision={**quoted, "reason": "It is on trial first."})
    run(database, skill, "failed", error="There is too little to learn from.")
    run(database, skill, "cancelled")
    run(database, skill, "promoted", decision=quoted)
    with database.writing() as session:
        decline(session, session.get_one(Retraining, held), "ben")
    found = told(database)
    assert [(kind, data["reason"]) for kind, data in found] == [
        ("retraining.refused", "The words '…' alone turn 5."),
        ("retraining.held", "It is on trial first."),
        ("retraining.failed", "There is too little to learn from."),
        ("retraining.refused", "It is on trial first. Declined by ben."),
    ]
    assert {data["version"] for _, data in found} == {3}
    assert (found[0][1]["retraining_id"], found[0][1]["skill"]) == (refused, "router")


def test_a_run_that_died_too_often_is_told(database: Database, skill: str) -> None:
    with database.writing() as session:
        job = open_retraining(session, session.get_one(Skill, skill), "call", "ana").id
        session.execute(
            update(Retraining).values(status="running", attempt=MOST_ATTEMPTS, lease_until=utc_now()),
        )
    with database.writing() as session:
        assert expire(session) == []
    [(kind, data)] = told(database)
    assert (kind, data["retraining_id"], data["version"]) == ("retraining.failed", job, None)
    assert "died" in data["reason"]
    with database.writing() as session:
        again = open_retraining(session, session.get_one(Skill, skill), "call", "ana")
        cancel(session, again)
    assert len(told(database)) == 1
