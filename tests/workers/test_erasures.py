"""A customer is erased while workers are busy with what they said."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from torch import Tensor

from agent.conversations import Said, receive
from agent.corrections import correct, find_skill
from agent.customers import Customer, find_traces
from agent.erasures import erase
from agent.errors import NotFound
from agent.lineage import due_skills, open_due, taught_by
from agent.office import Office
from agent.retrainings import claim
from agent.settings import Settings
from agent.tables import (
    Connection,
    Conversation,
    Delivery,
    Desk,
    Example,
    InboundEvent,
    Retraining,
    Turn,
    Version,
    utc_now,
)
from agent.turn import take_turn
from skills import gate
from skills.backbone import Row
from tests.conftest import wait_for
from tests.receiver import Receiver
from tests.scan import places_of
from tests.workers.conftest import live, opened, row_of, run
from workers import retraining
from workers.candidates import Conclusion
from workers.deliveries import run_delivery
from workers.events import run_event
from workers.retraining import _frozen_rows, run_retraining
from workers.selection import Selection

WORD = "zanzibarquokka"
TOPIC = {"topic": "cards"}


def desk_of(office: Office) -> str:
    with office.database.reading() as session:
        return session.scalars(select(Desk.id)).one()


def teach(office: Office, visitor: str, text: str) -> tuple[str, str]:
    """A corrected turn of a visitor; return the conversation and its example."""
    said = Said(text, "chat", visitor_id=visitor, client_id=text)
    with office.database.writing() as session:
        arrival = receive(session, desk_of(office), said)
        turn = Turn(
            desk_id=desk_of(office),
            conversation_id=arrival.conversation_id,
            message_id=arrival.message_id,
            read_as=text,
            outcome="labelled",
        )
        session.add(turn)
        session.flush()
        skill = find_skill(session, turn.desk_id, "classification")
        row = correct(session, turn, skill, TOPIC, "ana")
        return turn.conversation_id, session.scalars(select(Example.id).where(Example.correction_id == row.id)).one()


def forget(office: Office, customer_id: str) -> dict[str, int]:
    customer, desk = Customer("visitor", customer_id), desk_of(office)
    with office.database.writing() as session:
        return dict(erase(session, desk, customer, find_traces(session, desk, customer), "ben").counts)


def test_an_erased_customer_is_learnt_from_forgotten_and_learnt_around(small: Office) -> None:
    gone, example = teach(small, "vis_a", f"my {WORD} card")
    kept, _ = teach(small, "vis_b", "the card of somebody else")
    first = run(small)
    assert first.status == "promoted", first.decision
    assert example in first.snapshot["train"]
    with small.database.reading() as session:
        assert taught_by(session, first) == [gone, kept]
    forget(small, "vis_a")
    assert places_of(small.database.engine, WORD) == set()
    with small.database.writing() as session:
        assert taught_by(session, session.get_one(Retraining, first.id)) == [kept]
        [due] = due_skills(session, desk_of(small))
        again, new = open_due(session, due, "ben")
        assert new
        assert again is not None
    run_retraining(small, again.id)
    second = row_of(small, again.id)
    assert (second.status, second.trigger) == ("promoted", "erasure"), second.decision
    assert example not in second.snapshot["train"]
    assert (live(small), second.erased_examples) == (2, [])
    with small.database.reading() as session:
        assert due_skills(session, desk_of(small)) == []


def test_a_queued_run_never_sees_what_was_erased(small: Office) -> None:
    _, example = teach(small, "vis_a", f"my {WORD} card")
    job = opened(small)
    forget(small, "vis_a")
    run_retraining(small, job)
    row = row_of(small, job)
    assert (row.status, row.error, row.erased_examples) == ("promoted", None, [])
    assert example not in row.snapshot["train"]


def test_a_run_that_had_frozen_its_rows_leaves_the_missing_one_out(small: Office) -> None:
    _, example = teach(small, "vis_a", f"my {WORD} card")
    job = opened(small)
    with small.database.writing() as session:  # a first attempt that dies after freezing
        claimed = claim(session, job, "dies")
    assert claimed is not None
    assert WORD in " ".join(row.text for row in _frozen_rows(small, claimed)[1])
    frozen = claimed.snapshot
    with small.database.writing() as session:
        session.execute(update(Retraining).values(lease_until=utc_now() - timedelta(seconds=1)))
    forget(small, "vis_a")
    left = _frozen_rows(small, row_of(small, job))[1]
    run_retraining(small, job)
    row = row_of(small, job)
    assert (row.status, row.attempt, row.error) == ("promoted", 2, None)
    assert (row.snapshot, row.erased_examples) == (frozen, [example])
    assert example not in {each.id for each in left}
    assert len(left) == sum(len(frozen[role]) for role in ("train", "calibration", "gate", "golden")) - 1


def test_a_run_that_is_under_way_ends_and_its_version_is_due(small: Office) -> None:
    """The worker has the texts in memory: it does not crash, and what it made is not taken for clean."""
    teach(small, "vis_a", f"my {WORD} card")
    job = opened(small)
    worker = threading.Thread(target=run_retraining, args=(small, job))
    worker.start()
    while not row_of(small, job).snapshot:
        assert worker.is_alive()
    forget(small, "vis_a")
    worker.join()
    row = row_of(small, job)
    assert (row.status, len(row.erased_examples)) == ("promoted", 1), row.error
    with small.database.reading() as session:
        assert [due.erased_examples for due in due_skills(session, desk_of(small))] == [1]


def test_words_of_a_customer_who_is_erased_while_rows_are_chosen_are_not_frozen(
    small: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, example = teach(small, "vis_a", f"my {WORD} card")
    job = opened(small)
    with small.database.writing() as session:
        claimed = claim(session, job, "w")
    assert claimed is not None
    chosen = retraining.select_rows

    def late(*arguments: Any) -> Selection:
        """Chooses as the real one does, a moment before the customer is erased, and suspects two phrases."""
        found = chosen(*arguments)
        forget(small, "vis_a")
        return replace(found, suspects=[(f"my {WORD}", "topic", "cards"), ("send money", "topic", "transfers")])

    monkeypatch.setattr(retraining, "select_rows", late)
    _, rows = _frozen_rows(small, claimed)
    assert example not in {row.id for row in rows}
    assert claimed.snapshot["suspects"] == [("send money", "topic", "transfers")]
    assert places_of(small.database.engine, WORD) == set()


@pytest.mark.parametrize("promote", [True, False])
def test_a_decision_does_not_bring_words_back_that_were_erased_meanwhile(small: Office, promote: bool) -> None:
    _, example = teach(small, "vis_a", f"my {WORD} card")
    version = run(small).candidate_id
    assert version is not None
    job, phrase = opened(small), f"my {WORD}"
    with small.database.writing() as session:
        claimed = claim(session, job, "w")
        assert claimed is not None
        claimed.snapshot = {"train": [example], "suspects": [(phrase, "topic", "cards"), ("send", "topic", "cards")]}
    forget(small, "vis_a")
    tried = {"rows": 9, "live": 0, "candidate": 5}
    figures = {"triggers": {phrase: tried, "send": tried}}
    decision = gate.Decision(promote, f"The words '{phrase}' alone turn 5 of 9 other messages.", figures)
    Conclusion(version, None, decision, {"topic": {}}).write(small, claimed)
    assert places_of(small.database.engine, WORD) == set()
    row = row_of(small, job)
    assert row.decision["figures"] == {"triggers": {"send": tried}}
    assert row.decision["reason"].startswith("The words '…' alone" if not promote else "The live version"), row.decision
    with small.database.reading() as session:
        assert session.get_one(Version, version).scorecard == {"topic": {}, "gate": row.decision["figures"]}


@pytest.fixture
def helpdesk(small: Office, receiver: Receiver) -> str:
    """The small desk's helpdesk."""
    with small.database.writing() as session:
        url = receiver.address("200")
        row = Connection(desk_id=desk_of(small), name="helpdesk", secrets=["whsec_" + "a" * 32], url=url)
        session.add(row)
        session.flush()
        return row.id


def arrive(office: Office, helpdesk: str, ticket: str) -> str:
    body = json.dumps({"type": "ticket.created", "data": {"ticket_id": ticket, "text": f"my {WORD}"}}).encode()
    with office.database.writing() as session:
        row = InboundEvent(connection_id=helpdesk, event_id=f"evt-{ticket}", ticket_id=ticket, body=body)
        session.add(row)
        session.flush()
        return row.id


def test_an_erased_event_is_not_read_and_an_erased_answer_not_sent(
    small: Office, helpdesk: str, receiver: Receiver
) -> None:
    read, unread = arrive(small, helpdesk, "T1"), arrive(small, helpdesk, "T2")
    run_event(small, read)
    with small.database.reading() as session:
        delivery = session.scalars(select(Delivery.id)).one()
    assert forget(small, "T1")["deliveries"] == 1
    assert forget(small, "T2")["events"] == 1
    run_event(small, unread)
    run_event(small, read)
    run_delivery(small.database, Settings(private_deliveries=True), delivery)
    assert receiver.got == []
    assert places_of(small.database.engine, WORD) == set()
    with small.database.reading() as session:
        assert list(session.scalars(select(Conversation.id))) == []


def test_an_answer_that_is_being_sent_ends_quietly(small: Office, helpdesk: str, receiver: Receiver) -> None:
    with small.database.writing() as session:
        session.get_one(Connection, helpdesk).url = receiver.address("endless")
    run_event(small, arrive(small, helpdesk, "T1"))
    with small.database.reading() as session:
        delivery = session.scalars(select(Delivery.id)).one()
    with ThreadPoolExecutor() as pool:
        sending = pool.submit(run_delivery, small.database, Settings(private_deliveries=True), delivery)
        wait_for(lambda: receiver.got)
        forget(small, "T1")
        receiver.closing.set()
        assert sending.result() is None
    assert places_of(small.database.engine, WORD) == set()


def test_a_turn_whose_customer_is_erased_while_it_is_read_stores_nothing(small: Office) -> None:
    run(small)
    desk, said = desk_of(small), Said(f"my {WORD} card", "chat", visitor_id="vis_a", client_id="1")

    class Late:
        """Reads as the real one does, a moment after the customer was erased."""

        def forward(self, rows: Sequence[Row]) -> Tensor:
            forget(small, "vis_a")
            return small.reader.forward(rows)

    with pytest.raises(NotFound, match="erased while"):
        take_turn(replace(small, reader=Late()), desk, said)
    assert places_of(small.database.engine, WORD) == set()
