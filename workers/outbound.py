"""Sending an endpoint what it must be told: signed, at least once, in order, on the schedule of Standard Webhooks."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from agent.channels.channel import Call
from agent.channels.standard import signed
from agent.database import Database
from agent.endpoints import disable, hold, lock_endpoint
from agent.outbound import content_of
from agent.settings import Settings
from agent.tables import Endpoint, OutboundEvent, utc_now
from workers.posting import Outcome, next_try, post

log = structlog.get_logger(__name__)
MINUTE, HOUR = 60, 3600
SCHEDULE = (5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
"""Seconds before each further attempt; after the last the event is dead until somebody sends it again."""
LONG_FAILURE = timedelta(days=5)
TIMEOUT = 15.0
GONE, BUSY = 410, (429, 502, 504)
REST = timedelta(minutes=1)
"""For how long an overloaded endpoint gets nothing, unless it asks for more."""
A_ROUND = 20
"""Events after which other rows have their turn."""


def run_endpoint(database: Database, settings: Settings, endpoint_id: str) -> bool:
    """Send an endpoint what is due to it, one after the other; return whether more may be due.

    An event that fails holds up none after it, an endpoint that cannot be reached or is overloaded all of them.
    """
    lease = None
    for _ in range(A_ROUND):
        with database.writing() as session:
            found = _next(session, endpoint_id, lease)
        if found is None:
            return False
        endpoint, event = found
        lease = endpoint.lease_until
        body, headers = signed(content_of(event), endpoint.secrets, event.id, utc_now())
        outcome = post(Call(endpoint.url, body, headers), "endpoint", TIMEOUT, settings.private_deliveries)
        log.info("event_tried", outbound=event.id, attempt=event.attempt, status=outcome.status, error=outcome.error)
        with database.writing() as session:
            if not _note(session, event, outcome):
                _release(session, endpoint_id, lease)
                return False
    with database.writing() as session:
        _release(session, endpoint_id, lease)
    return True


def _next(session: Session, endpoint_id: str, lease: datetime | None) -> tuple[Endpoint, OutboundEvent] | None:
    """Hold an endpoint and count an attempt of what is due to it first; let go of it if nothing is."""
    endpoint = hold(session, endpoint_id, lease)
    if endpoint is None:
        return None
    due = select(OutboundEvent).where(
        OutboundEvent.endpoint_id == endpoint_id, OutboundEvent.status == "queued", OutboundEvent.due_at <= utc_now()
    )
    event = session.scalar(due.order_by(OutboundEvent.happened_at, OutboundEvent.id).limit(1))
    if event is None:
        endpoint.lease_until = None
        return None
    event.attempt += 1
    return endpoint, event


def _note(session: Session, tried: OutboundEvent, outcome: Outcome) -> bool:
    """Write down what came of an attempt; return whether the endpoint can be sent more now."""
    endpoint = lock_endpoint(session, tried.endpoint_id)
    if endpoint is None:  # removed meanwhile
        return False
    row = session.get(OutboundEvent, tried.id, with_for_update=True)
    if row is not None and (row.status, row.attempt) != ("queued", tried.attempt):
        return False  # another worker took over, or somebody sends it anew
    if row is not None:  # else its customer was erased meanwhile
        row.answer_status, row.error = outcome.status, outcome.error
    if outcome.error is None:
        endpoint.failing_since = None
        if row is not None:
            row.status, row.sent_at = "sent", utc_now()
        return True
    endpoint.failing_since = endpoint.failing_since or utc_now()
    if row is not None and tried.attempt <= len(SCHEDULE):
        row.due_at = next_try(SCHEDULE[tried.attempt - 1], outcome.wait)
    elif row is not None:
        row.status = "dead"
    overloaded = bool(outcome.wait) or outcome.late or outcome.status in BUSY
    if overloaded:
        endpoint.rests_until = utc_now() + max(REST, timedelta(seconds=outcome.wait))
    _give_up(session, endpoint, outcome, last=tried.attempt > len(SCHEDULE))
    return outcome.status is not None and not overloaded and endpoint.disabled_at is None


def _give_up(session: Session, endpoint: Endpoint, outcome: Outcome, last: bool) -> None:
    """Disable an endpoint that says it is gone, or to which nothing has arrived for long in spite of all attempts."""
    since = endpoint.failing_since
    if outcome.status == GONE:
        disable(session, endpoint, "It answered 410: it wants no more events.")
    elif last and since is not None and since < utc_now() - LONG_FAILURE:
        disable(session, endpoint, f"Nothing has arrived since {since:%Y-%m-%d}: {outcome.error}")
    else:
        return
    log.warning("endpoint_disabled", endpoint=endpoint.id, desk=endpoint.desk_id, reason=endpoint.disabled_reason)


def _release(session: Session, endpoint_id: str, lease: datetime | None) -> None:
    """Let go of an endpoint, if it is still held by us."""
    endpoint = lock_endpoint(session, endpoint_id)
    if endpoint is not None and endpoint.lease_until == lease:
        endpoint.lease_until = None
