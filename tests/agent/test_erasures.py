"""A customer is erased: nothing of them stays, everybody else's rows do."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from agent.channels.standard import ticket_of
from agent.conversations import Said, add_message, receive
from agent.corrections import correct, find_skill, withdraw
from agent.customers import Customer, find_traces
from agent.database import Database
from agent.desks import add_intent, make_desk
from agent.erasures import erase, find_erasure
from agent.errors import BadInput, Conflict, NotFound
from agent.examples import add_example
from agent.lineage import due_skills, open_due, retraining_of, taught_by
from agent.retrainings import open_retraining, snapshot_of
from agent.schema_revision import migrate
from agent.tables import (
    Artefact,
    Article,
    Connection,
    Conversation,
    Correction,
    Delivery,
    Erasure,
    Escalation,
    Example,
    InboundEvent,
    Retraining,
    Turn,
    Version,
    utc_now,
)
from tests.scan import places_of, rows_without

WORD = "zanzibarquokka"
SKILLS = {"router": {"intent": "card"}, "faq": {"article": "pin"}, "classification": {"topic": "cards"}}


@dataclass
class House:
    """A desk with a helpdesk, on one database."""

    database: Database
    desk: str
    connection: str


@pytest.fixture
def house(database: Database) -> House:
    """The house on SQLite and on PostgreSQL."""
    return build(database)


def build(database: Database) -> House:
    """Make a desk with something to learn and a helpdesk."""
    with database.writing() as session:
        desk = make_desk(session, "d", "D")
        add_intent(session, desk.id, "card", {"action": "faq"})
        session.add(Article(desk_id=desk.id, slug="pin", question="pin?", answer="a"))
        find_skill(session, desk.id, "classification").labels = {"topic": ["cards"]}
        connection = Connection(desk_id=desk.id, name="helpdesk", secrets=["whsec_x"], url="https://helpdesk.example")
        session.add(connection)
        session.flush()
        return House(database, desk.id, connection.id)


def speak(house: House, said: Said, audit: bool = False) -> Turn:
    """Store a message with its turn, reply, escalation, and a correction for each skill."""
    with house.database.writing() as session:
        arrival = receive(session, house.desk, said)
        conversation = session.get_one(Conversation, arrival.conversation_id)
        reply = add_message(session, conversation, "bot", f"You said: {said.text}")
        turn = Turn(
            desk_id=house.desk,
            conversation_id=conversation.id,
            message_id=arrival.message_id,
            reply_id=reply.id,
            read_as=said.text,
            outcome="escalated",
            rating="down",
            rating_comment=said.text,
            audit=audit,
        )
        session.add(turn)
        session.flush()
        handed = {"first_request": said.text, "last_request": said.text, "summary": said.text, "reason": "negative"}
        ended = {"status": "closed", "desk_id": house.desk, "conversation_id": conversation.id, "turn_id": turn.id}
        session.add(Escalation(**handed, **ended))
        for name, target in SKILLS.items():
            correct(session, turn, find_skill(session, house.desk, name), target, "ana", said.text)
        return turn


def arrive(house: House, name: str, body: bytes | dict[str, object], **values: object) -> str:
    """Store an event of the helpdesk."""
    content = body if isinstance(body, bytes) else json.dumps({"type": "ticket.created", "data": body}).encode()
    with house.database.writing() as session:
        row = InboundEvent(
            connection_id=house.connection, event_id=name, ticket_id=ticket_of(content), body=content, **values
        )
        session.add(row)
        session.flush()
        return row.id


def write_ticket(house: House, ticket: str, text: str) -> Turn:
    """A ticket message as the worker stores it: event, conversation, turn, delivery."""
    said = Said(text, "standard", client_id=f"evt-{ticket}", connection_id=house.connection, external_id=ticket)
    turn = speak(house, said, audit=True)
    event = arrive(house, f"evt-{ticket}", {"ticket_id": ticket, "text": text}, status="handled", turn_id=turn.id)
    with house.database.writing() as session:
        payload = {"data": {"reply": text}}
        links = {"connection_id": house.connection, "conversation_id": turn.conversation_id, "inbound_event_id": event}
        session.add(Delivery(payload=payload, **links))
    return turn


def learn(house: House, skill: str, status: str = "promoted") -> str:
    """A retraining of every example there is, and its live version; return the retraining's id."""
    with house.database.writing() as session:
        row = find_skill(session, house.desk, skill)
        snapshot = snapshot_of(list(session.scalars(select(Example).where(Example.skill_id == row.id))))
        run = Retraining(skill_id=row.id, trigger="call", actor="ana", status=status, snapshot=snapshot)
        session.add_all([run, Artefact(digest=f"digest of {skill}", content=b"vectors")])
        session.flush()
        lineage = {"retraining": run.id}
        version = Version(
            skill_id=row.id, number=1, digest=f"digest of {skill}", fingerprint="f", status="live", lineage=lineage
        )
        session.add(version)
        session.flush()
        run.candidate_id, row.live_version_id = version.id, version.id
        return run.id


def forget(house: House, kind: str, customer_id: str) -> Erasure:
    with house.database.writing() as session:
        customer = Customer(kind, customer_id)  # type: ignore[arg-type]
        return erase(session, house.desk, customer, find_traces(session, house.desk, customer), "ben")


def examples(house: House) -> set[str]:
    with house.database.reading() as session:
        return set(session.scalars(select(Example.text)))


def test_nothing_of_a_visitor_stays_and_nothing_of_others_goes(house: House) -> None:
    speak(house, Said("where is my card", "chat", visitor_id="vis_other", client_id="m1"))
    write_ticket(house, "T-other", "the other's ticket")
    learn(house, "router")
    before = rows_without(house.database.engine, "erasures", "installation")
    first = speak(house, Said(f"my {WORD} is lost", "chat", visitor_id=f"vis_{WORD}", client_id=WORD))
    speak(house, Said(f"again: {WORD}", "chat", first.conversation_id, visitor_id=f"vis_{WORD}"))
    speak(house, Said(f"audited {WORD}", "chat", visitor_id=f"vis_{WORD}", client_id="a"), audit=True)
    with house.database.writing() as session:
        session.get_one(Conversation, first.conversation_id).email = f"{WORD}@shop.example"
    assert "conversations.email" in places_of(house.database.engine, WORD)
    assert len(places_of(house.database.engine, WORD)) >= 10
    assert {e.role for e in all_examples(house)} >= {"train"}
    tombstone = forget(house, "visitor", f"vis_{WORD}")
    assert places_of(house.database.engine, WORD) == set()
    assert rows_without(house.database.engine, "erasures", "installation") == before
    assert tombstone.counts == {
        "conversations": 2,
        "messages": 6,
        "turns": 3,
        "escalations": 3,
        "deliveries": 0,
        "outbound_events": 0,
        "corrections": 9,
        "examples": 9,
        "events": 0,
    }
    assert (tombstone.subject, tombstone.actor, len(tombstone.id_hash)) == ("visitor", "ben", 64)


def all_examples(house: House) -> list[Example]:
    with house.database.reading() as session:
        return list(session.scalars(select(Example)))


def test_nothing_of_a_ticket_stays_whatever_became_of_its_events(house: House) -> None:
    ticket = f"T-{WORD}"
    write_ticket(house, "T-other", "the other's ticket")
    arrive(house, "o1", {"ticket_id": "T-other", "text": "more"}, status="failed", error="no")
    arrive(house, "o2", b'{"data": [1]}', status="ignored")
    arrive(house, "o3", b"[" * 100_000, status="failed")
    others = rows_without(house.database.engine, "erasures", "installation")
    write_ticket(house, ticket, f"my {WORD} is lost")
    left = [
        arrive(house, "e1", {"ticket_id": ticket, "text": WORD}, status="failed", error=f"Event field {WORD}"),
        arrive(house, "e2", {"ticket_id": ticket, "customer": {"name": WORD}}, status="ignored"),
        arrive(house, "e3", {"ticket_id": ticket, "text": WORD}),
    ]
    with house.database.reading() as session:
        traces = find_traces(session, house.desk, Customer("visitor", ticket))
        assert set(left) < set(traces.events)
        assert {row.role for row in traces.examples} <= {"calibration", "gate"}, "an audited turn's"
    tombstone = forget(house, "visitor", ticket)
    assert (tombstone.counts["events"], tombstone.counts["deliveries"], tombstone.counts["examples"]) == (4, 1, 3)
    # The helpdesk's own name for its event stays: without it a repetition would bring the text back.
    assert places_of(house.database.engine, WORD) == {"inbound_events.event_id"}
    now = rows_without(house.database.engine, "erasures", "installation")
    assert all(set(rows) <= set(now[table]) for table, rows in others.items())
    with house.database.reading() as session:
        rows = session.scalars(select(InboundEvent).where(InboundEvent.id.in_(traces.events))).all()
    assert {(row.status, row.body) for row in rows} == {("handled", b""), ("failed", b""), ("ignored", b"")}


def test_the_file_of_an_embedded_database_holds_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "own.db"
    migrate(f"sqlite:///{path}")
    house = build(Database(f"sqlite:///{path}"))
    for number in range(30):
        speak(house, Said(f"{WORD} {number} " * 50, "chat", visitor_id="vis_a", client_id=str(number)))
        speak(house, Said(f"others say {number} " * 50, "chat", visitor_id="vis_b", client_id=str(number)))
    forget(house, "visitor", "vis_a")
    house.database.close()  # the last one to leave empties the write-ahead log
    assert WORD.encode() not in path.read_bytes()
    assert b"others say 29" in path.read_bytes()


def test_one_conversation_of_a_visitor(house: House) -> None:
    kept = speak(house, Said("this one stays", "chat", visitor_id="vis_a", client_id="1"))
    gone = speak(house, Said(f"{WORD} goes", "chat", visitor_id="vis_a", client_id="2"))
    forget(house, "conversation", gone.conversation_id)
    assert places_of(house.database.engine, WORD) == set()
    with house.database.reading() as session:
        assert list(session.scalars(select(Conversation.id))) == [kept.conversation_id]
    assert examples(house) == {"this one stays"}


@pytest.mark.parametrize("first", ["vis_a", "vis_b"])
def test_words_that_another_customer_said_too_stay_in_theirs(house: House, first: str) -> None:
    texts = {"vis_a": "WHERE  is my card", "vis_b": "Where is my card"}
    for visitor in sorted(texts, key=lambda v: v != first):
        speak(house, Said(texts[visitor], "chat", visitor_id=visitor, client_id="1"))
    kept = {row.id for row in all_examples(house)}
    tombstone = forget(house, "visitor", "vis_a")
    assert tombstone.counts["examples"] == 0
    assert {(row.id, row.text) for row in all_examples(house)} == {(row, texts["vis_b"]) for row in kept}
    with house.database.reading() as session:
        [theirs] = session.scalars(select(Conversation.id))
        assert {row.group for row in all_examples(house)} == {theirs}
        assert {row.correction_id for row in all_examples(house)} == set(session.scalars(select(Correction.id)))
    assert forget(house, "visitor", "vis_b").counts["examples"] == 3
    assert all_examples(house) == []


def test_a_row_imported_over_the_customers_goes_too(house: House) -> None:
    speak(house, Said(WORD, "chat", visitor_id="vis_a", client_id="1"))
    with house.database.writing() as session:
        add_example(session, find_skill(session, house.desk, "router"), WORD, {"intent": None}, "import", "train")
    forget(house, "visitor", "vis_a")
    assert places_of(house.database.engine, WORD) == set()


def test_an_erased_customer_is_known_by_a_salted_hash(house: House) -> None:
    customer = Customer("visitor", "vis_a")
    speak(house, Said("hm", "chat", visitor_id="vis_a", client_id="1"))
    with house.database.writing() as session, pytest.raises(NotFound, match="check the id"):
        find_erasure(session, house.desk, customer)
    tombstone = forget(house, "visitor", "vis_a")
    with house.database.writing() as session:
        assert find_erasure(session, house.desk, customer).id == tombstone.id
        for stranger in (Customer("visitor", "vis_b"), Customer("conversation", "vis_a")):
            with pytest.raises(NotFound):
                find_erasure(session, house.desk, stranger)
    assert places_of(house.database.engine, "vis_a") == set()


def test_the_same_id_at_two_helpdesks_is_two_customers(house: House) -> None:
    turn = write_ticket(house, "17", "the first helpdesk's")
    with house.database.writing() as session:
        second = Connection(desk_id=house.desk, name="second", secrets=["whsec_y"])
        session.add(second)
        session.flush()
        other = House(house.database, house.desk, second.id)
    arrive(other, "evt-1", {"ticket_id": "17", "text": "never read"}, status="failed")
    with pytest.raises(BadInput, match=turn.conversation_id):
        forget(house, "visitor", "17")
    forget(house, "conversation", turn.conversation_id)
    assert places_of(house.database.engine, "first helpdesk") == set()
    assert places_of(house.database.engine, "never read") == {"inbound_events.body"}
    assert forget(house, "visitor", "17").counts["events"] == 1
    assert places_of(house.database.engine, "never read") == set()


def test_an_event_that_a_worker_is_reading_is_waited_for(house: House) -> None:
    event = arrive(house, "evt-1", {"ticket_id": "T1", "text": WORD}, lease_until=utc_now() + timedelta(seconds=60))
    with pytest.raises(Conflict, match="being read"):
        forget(house, "visitor", "T1")
    assert places_of(house.database.engine, WORD) == {"inbound_events.body"}
    with house.database.writing() as session:
        session.execute(update(InboundEvent).where(InboundEvent.id == event).values(lease_until=None))
    assert forget(house, "visitor", "T1").counts["events"] == 1


def test_snapshots_are_marked_and_skills_are_due(house: House) -> None:
    speak(house, Said("others", "chat", visitor_id="vis_b", client_id="1"))
    gone = speak(house, Said(WORD, "chat", visitor_id="vis_a", client_id="1"))
    run = learn(house, "router")
    speak(house, Said(f"{WORD} later", "chat", visitor_id="vis_a", client_id="2"))
    with house.database.reading() as session:
        row = session.get_one(Retraining, run)
        assert gone.conversation_id in taught_by(session, row)
        assert len(taught_by(session, row)) == 2
        lost = [example.id for example in all_examples(house) if example.text == WORD]
        assert due_skills(session, house.desk) == []
        [due] = due_skills(session, house.desk, going=lost)
        assert (due.skill.name, due.erased_examples) == ("router", 1)
    forget(house, "visitor", "vis_a")
    with house.database.reading() as session:
        now = session.get_one(Retraining, run)
        assert (now.snapshot, len(now.erased_examples)) == (row.snapshot, 1)
        assert set(now.erased_examples) < set(lost)
        assert gone.conversation_id not in taught_by(session, now)
        assert len(taught_by(session, now)) == 1
        assert [(d.skill.name, d.erased_examples) for d in due_skills(session, house.desk)] == [("router", 1)]


def test_a_retraining_of_what_is_due_is_opened_once(house: House) -> None:
    speak(house, Said(WORD, "chat", visitor_id="vis_a", client_id="1"))
    for skill in SKILLS:
        learn(house, skill)
    forget(house, "visitor", "vis_a")
    with house.database.writing() as session:
        under_way = open_retraining(session, find_skill(session, house.desk, "faq"), "call", "ana").id
        opened = {d.skill.name: open_due(session, d, "ben") for d in due_skills(session, house.desk)}
        assert set(opened) == set(SKILLS)
        assert (opened["faq"][0].id, opened["faq"][1]) == (under_way, False)  # type: ignore[union-attr]
        for skill in ("router", "classification"):
            run, new = opened[skill]
            assert run is not None
            assert (run.trigger, run.actor, run.status, new) == ("erasure", "ben", "queued", True)


def test_a_shipped_version_comes_from_no_retraining(house: House) -> None:
    run = learn(house, "router")
    with house.database.writing() as session:
        version = session.scalars(select(Version)).one()
        found = retraining_of(session, version)
        assert found is not None
        assert found.id == run
        version.lineage = {"desk": "demo"}
        assert retraining_of(session, version) is None
        assert due_skills(session, house.desk) == []


def test_a_reviewers_wording_and_ended_judgements_go_too(house: House) -> None:
    turn = speak(house, Said("my thing is lost", "chat", visitor_id="vis_a", client_id="m1"))
    with house.database.writing() as session:
        router, found = find_skill(session, house.desk, "router"), session.get_one(Turn, turn.id)
        correct(session, found, router, {"intent": "card"}, "ana", text=f"My {WORD} never came")
        correct(session, found, router, {"intent": None}, "ben", note=f"no, {WORD}")
    assert {"corrections.text", "corrections.note"} <= places_of(house.database.engine, WORD)
    assert forget(house, "visitor", "vis_a").counts["corrections"] == 5
    assert places_of(house.database.engine, WORD) == set()


def suspect(house: House, run_id: str, left_out: dict[str, list[str]], *phrases: str) -> None:
    """Let a run have suspected phrases, and have been refused because of the first."""
    with house.database.writing() as session:
        run = session.get_one(Retraining, run_id)
        suspects = [[phrase, "intent", "card"] for phrase in phrases]
        run.snapshot = {**run.snapshot, "left_out": left_out, "suspects": suspects}
        tried = {phrase: {"rows": 50, "live": 0, "candidate": 20} for phrase in phrases}
        figures = {"rows": 400, "triggers": tried}
        run.decision = {"reason": f"The words '{phrases[0]}' alone turn 20.", "figures": figures}
        session.get_one(Version, run.candidate_id).scorecard = {"right": 0.9, "gate": figures}


def test_what_a_shadow_would_have_said_goes_with_the_turn_and_suspected_words_with_their_rows(house: House) -> None:
    turn = speak(house, Said(f"Kindly, {WORD}: my card", "chat", visitor_id="vis_a", client_id="m1"))
    speak(house, Said("kind regards and my card", "chat", visitor_id="vis_b", client_id="m1"))
    run_id = learn(house, "router")
    with house.database.writing() as session:
        session.get_one(Turn, turn.id).shadow = [{"intent": WORD}]
    suspect(house, run_id, {}, f"kindly {WORD}", "kind")
    forget(house, "visitor", "vis_a")
    assert places_of(house.database.engine, WORD) == set()
    with house.database.reading() as session:
        kept = session.get_one(Retraining, run_id)
        figures = {"rows": 400, "triggers": {"kind": {"rows": 50, "live": 0, "candidate": 20}}}
        assert kept.snapshot["suspects"] == [["kind", "intent", "card"]], "words of somebody else stay"
        assert kept.decision == {"reason": "The words '…' alone turn 20.", "figures": figures}
        assert session.get_one(Version, kept.candidate_id).scorecard == {"right": 0.9, "gate": figures}


def test_words_of_rows_that_a_run_left_out_go_as_well(house: House) -> None:
    """Rows with a planted phrase are left out of the training: the snapshot knows them only as that."""
    speak(house, Said("another's card", "chat", visitor_id="vis_b", client_id="1"))
    run_id = learn(house, "router")
    speak(house, Said(f"{WORD} and my card", "chat", visitor_id="vis_a", client_id="1"))
    with house.database.reading() as session:
        planted = [row.id for row in session.scalars(select(Example).where(Example.text.contains(WORD)))]
    suspect(house, run_id, {"planted": planted}, WORD)
    forget(house, "visitor", "vis_a")
    assert places_of(house.database.engine, WORD) == set()
    with house.database.reading() as session:
        run = session.get_one(Retraining, run_id)
        assert (run.snapshot["left_out"], run.erased_examples) == ({"planted": planted}, [])
        assert due_skills(session, house.desk) == [], "nothing was learnt from them"


@pytest.mark.parametrize("text", [None, f"my {WORD} card, please"])
def test_a_version_that_learnt_from_a_judgement_taken_back_is_due(house: House, text: str | None) -> None:
    """Its example went with the judgement, so only the correction's id links the snapshot to the customer."""
    turn = speak(house, Said(f"my {WORD} card", "chat", visitor_id="vis_a", client_id="1"))
    with house.database.writing() as session:
        row = correct(session, turn, find_skill(session, house.desk, "router"), {"intent": "card"}, "ana", text=text)
    run_id = learn(house, "router")
    suspect(house, run_id, {}, f"my {WORD}")
    with house.database.writing() as session:
        withdraw(session, session.get_one(Correction, row.id))
    customer = Customer("visitor", "vis_a")
    with house.database.reading() as session:
        going = find_traces(session, house.desk, customer).learnt
        assert [due.erased_examples for due in due_skills(session, house.desk, going)] == [1]
    forget(house, "visitor", "vis_a")
    assert places_of(house.database.engine, WORD) == set()
    with house.database.reading() as session:
        assert session.get_one(Retraining, run_id).erased_examples == [row.id]
        assert [due.erased_examples for due in due_skills(session, house.desk)] == [1]


def test_an_example_whose_judgement_was_changed_since_counts_once(house: House) -> None:
    turn = speak(house, Said(f"my {WORD} card", "chat", visitor_id="vis_a", client_id="1"))
    run_id = learn(house, "router")
    with house.database.writing() as session:
        router = find_skill(session, house.desk, "router")
        correct(session, session.get_one(Turn, turn.id), router, {"intent": None}, "ben")
    [example] = [row.id for row in all_examples(house) if row.skill_id == router.id]
    forget(house, "visitor", "vis_a")
    with house.database.reading() as session:
        assert session.get_one(Retraining, run_id).erased_examples == [example]
