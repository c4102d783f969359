"""An inbound event becomes a turn and, in the same transaction, what must be delivered."""

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import Select, select, tuple_, update
from sqlalchemy.orm import Session

from agent.channels import CHANNELS, FETCHES
from agent.channels.channel import Heard, Mode, Planned, Retrain, TakenOver
from agent.channels.ownership import is_among_colleagues, is_ours, stand_down, take_back
from agent.conversations import Said
from agent.corrections import find_skill
from agent.errors import BadInput, Conflict, NotFound, Unavailable
from agent.leases import take
from agent.office import Office
from agent.retrainings import open_by_itself
from agent.tables import Connection, Delivery, InboundEvent, Turn, utc_now
from agent.turn import take_turn
from agent.turn_view import show_turn
from workers.calls import fetch

log = structlog.get_logger(__name__)
MOST_ATTEMPTS = 5
CAME = (InboundEvent.received_at, InboundEvent.id)
"""The order of events."""


def run_event(office: Office, event_id: str, private: bool = False) -> None:
    """Handle one stored event; a second call, or a second worker, finds nothing to do.

    A ticket's events are handled in the order they came: one that is early waits for the one before it.
    `private`: what an event only names may be fetched from a private address.
    """
    with office.database.writing() as session:
        if _is_early(session, event_id):
            return
        event = take(session, InboundEvent, event_id)
        if event is None:
            return
        connection = session.get_one(Connection, event.connection_id)
        if event.attempt > MOST_ATTEMPTS:
            given_up = f"Given up after {MOST_ATTEMPTS} attempts."
            event.status, event.error = "failed", f"{given_up} {event.error or ''}".strip()
    if event.status == "queued":
        try:
            _handle(office, event, connection, private)
        except Unavailable as error:  # the lease runs out, and the sweep finds it
            _wait(office, event.id, error.sentence)
            return
    _nudge_next(office, event)


def _handle(office: Office, event: InboundEvent, connection: Connection, private: bool) -> None:
    """Do what an event asks for, or say on its row why not. Raises Unavailable if what it names cannot be fetched."""
    try:
        asked = CHANNELS[connection.kind].parse(_whole(connection, event.body, private))
        if isinstance(asked, Retrain):
            _retrain(office, event.id, connection, asked.skill)
            return
    except (BadInput, NotFound, Conflict) as error:
        _close(office, event.id, "failed", error.sentence)
        return
    match asked:
        case Heard() if is_among_colleagues(connection, asked):
            _close(office, event.id, "ignored", None)
        case Heard() if is_ours(connection, asked) is not False or connection.mode != "answer":
            _answer(office, event, connection, asked)
        case TakenOver() if asked.author is not None and asked.author == connection.credentials.get("user_id"):
            _close(office, event.id, "ignored", None)  # what we said ourselves
        case Heard() | TakenOver():
            with office.database.writing() as session:
                stand_down(session, connection, asked.ticket_id)
            _close(office, event.id, "handled", None)
        case None:
            _close(office, event.id, "ignored", None)


def _whole(connection: Connection, body: bytes, private: bool) -> bytes:
    """Return what is to be read of an event: itself, or what it names at the helpdesk. Raises BadInput, Unavailable."""
    find = FETCHES.get(connection.kind)
    call = find(connection, body) if find else None
    return fetch(call, private) if call else body


def _wait(office: Office, event_id: str, why: str) -> None:
    """Say on an event's row what it waits for."""
    with office.database.writing() as session:
        waiting = (InboundEvent.id == event_id, InboundEvent.status == "queued")  # else its customer was erased
        session.execute(update(InboundEvent).where(*waiting).values(error=why))
    log.warning("event_not_fetched", inbound=event_id, error=why)


def _is_early(session: Session, event_id: str) -> bool:
    """Return whether an earlier event of the same ticket still waits, or is being handled."""
    event = session.get(InboundEvent, event_id)
    if event is None or event.ticket_id is None:
        return False
    earlier = tuple_(*CAME) < (event.received_at, event.id)
    return session.scalar(_waiting(event).where(earlier).limit(1)) is not None


def _nudge_next(office: Office, event: InboundEvent) -> None:
    """Tell a worker of the ticket's next event: it may have been early while this one was handled."""
    if event.ticket_id is None:
        return
    with office.database.reading() as session:
        following = session.scalar(_waiting(event).order_by(*CAME).limit(1))
    if following is not None:
        office.jobs.nudge("handle_event", following)


def _waiting(event: InboundEvent) -> Select[str]:
    """Select the ids of the events of the same ticket that are not handled yet."""
    return select(InboundEvent.id).where(
        InboundEvent.connection_id == event.connection_id,
        InboundEvent.ticket_id == event.ticket_id,
        InboundEvent.status == "queued",
    )


def _retrain(office: Office, event_id: str, connection: Connection, name: str) -> None:
    """Open the retraining that an event asks for. Raises NotFound, or Conflict while one runs or the skill rests."""
    with office.database.writing() as session:
        skill = find_skill(session, connection.desk_id, name)
        row = open_by_itself(session, skill, "webhook", connection.name)
        session.execute(
            update(InboundEvent).where(InboundEvent.id == event_id).values(status="handled", handled_at=utc_now())
        )
    office.jobs.nudge("retrain", row.id)
    log.info("retraining_opened", inbound=event_id, retraining=row.id)


def _answer(office: Office, event: InboundEvent, connection: Connection, ticket: Heard) -> None:
    """Take the turn of a ticket message and nudge the worker about what follows from it."""
    office.releases.refresh(connection.desk_id)
    if is_ours(connection, ticket) or connection.mode != "answer":
        with office.database.writing() as session:
            take_back(session, connection, ticket.ticket_id, event.received_at)
    said = Said(
        ticket.text,
        channel=connection.kind,
        client_id=event.event_id,
        connection_id=connection.id,
        external_id=ticket.ticket_id,
    )
    try:
        turn_id = take_turn(office, connection.desk_id, said)["turn_id"]
    except NotFound as error:  # the customer was erased while the message was being read
        _close(office, event.id, "ignored", error.sentence)
        return
    with office.database.writing() as session:
        deliveries = _record(session, event.id, connection, ticket, turn_id)
    for delivery_id in deliveries:
        office.jobs.nudge("deliver", delivery_id)
    log.info("event_handled", inbound=event.id, turn=turn_id)


def _record(session: Session, event_id: str, connection: Connection, ticket: Heard, turn_id: str) -> list[str]:
    """Mark the event handled and queue what must be sent, once; return the deliveries' ids in order."""
    event = session.get_one(InboundEvent, event_id, with_for_update=True)
    if event.status != "queued":  # another attempt handled it, or its customer was erased
        return []
    event.status, event.error, event.turn_id, event.handled_at = "handled", None, turn_id, utc_now()
    if connection.url is None:
        return []
    turn = session.get_one(Turn, turn_id)
    labels = {v["axis"]: v["label"] for v in turn.verdicts if v["skill"] == "classification"}
    mode: Mode = connection.mode  # type: ignore[assignment] - the table checks it
    channel = CHANNELS[connection.kind]
    planned = channel.plan(mode, ticket.ticket_id, show_turn(session, turn), labels)
    common = {"connection_id": connection.id, "conversation_id": turn.conversation_id, "inbound_event_id": event.id}
    if ticket.ticket_id == channel.TEST_TICKET:
        common |= {"status": "skipped", "error": "A test: nothing is sent."}
    deliveries = [
        Delivery(position=place, action=step.action, payload={**step.payload, **_address(step, ticket)}, **common)
        for place, step in enumerate(planned)
    ]
    session.add_all(deliveries)
    session.flush()
    return [delivery.id for delivery in deliveries if delivery.status == "queued"]


def _address(step: Planned, ticket: Heard) -> Mapping[str, Any]:
    """Return what a reply must name besides its ticket; a note and a label go to no customer."""
    return ticket.reply_to if step.action == "reply" else {}


def _close(office: Office, event_id: str, status: str, error: str | None) -> None:
    with office.database.writing() as session:
        session.execute(
            update(InboundEvent)
            .where(InboundEvent.id == event_id)
            .values(status=status, error=error, handled_at=utc_now())
        )
    log.info("event_closed", inbound=event_id, status=status)
