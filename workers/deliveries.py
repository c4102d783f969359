"""Sending what must reach a helpdesk: signed, at least once, with patience."""

import random
from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx
import structlog

from agent.channels import CHANNELS, REFUSALS
from agent.channels.channel import Call
from agent.channels.ownership import was_taken_over
from agent.database import Database
from agent.errors import BadInput, Unavailable
from agent.leases import take
from agent.settings import Settings
from agent.tables import Connection, Delivery, utc_now
from workers.access_tokens import forget
from workers.calls import UNANSWERED, answered, read

log = structlog.get_logger(__name__)
LONGEST_WAIT = 86_400.0
PATIENCE = (5, 30, 120, 600, 3600, 14_400, 43_200)
"""Seconds before each further attempt; after the last the delivery is dead until somebody sends it again."""


def run_delivery(database: Database, settings: Settings, delivery_id: str) -> None:
    """Send a delivery that is due. Success, another try later, or dead: the row says which."""
    with database.writing() as session:
        delivery = take(session, Delivery, delivery_id)
        if delivery is None:
            return
        connection = session.get_one(Connection, delivery.connection_id)
        if delivery.action == "reply" and was_taken_over(session, delivery):
            _skip(delivery, "A human took the conversation over before this was sent.")
            return
        try:
            call = CHANNELS[connection.kind].call(connection, delivery, utc_now())
        except BadInput as refused:
            _skip(delivery, refused.sentence)
            return
    status, error, wait = _post(settings, connection.kind, call)
    with database.writing() as session:
        row = session.get(Delivery, delivery.id)
        if row is None:  # its customer was erased meanwhile
            return
        row.answer_status, row.error, row.lease_until = status, error, None
        if error is None:
            row.status, row.sent_at = "sent", utc_now()
        elif delivery.attempt > len(PATIENCE):
            row.status = "dead"
        else:
            jittered = PATIENCE[delivery.attempt - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - not a secret
            row.due_at = utc_now() + timedelta(seconds=max(jittered, wait))
    log.info("delivery_tried", delivery=delivery.id, attempt=delivery.attempt, status=status, error=error)


def _skip(delivery: Delivery, why: str) -> None:
    delivery.status, delivery.lease_until, delivery.error = "skipped", None, why


def _post(settings: Settings, kind: str, call: Call) -> tuple[int | None, str | None, float]:
    """Send once; return the HTTP status, what went wrong, if anything did, and for how long we are asked to wait."""
    status, wait = None, 0.0
    try:
        with answered(call, settings.private_deliveries) as answer:
            status, wait = answer.status_code, _asked_to_wait(answer.headers.get("retry-after"))
            error = None if answer.is_success else f"The helpdesk answered {status}."
            if error is None and kind in REFUSALS:  # no other body is anything we wait for
                error = REFUSALS[kind](read(answer))
    except Unavailable as unread:
        return status, unread.sentence, wait
    except httpx.HTTPStatusError as refused:
        status, wait = refused.response.status_code, _asked_to_wait(refused.response.headers.get("retry-after"))
        return status, f"The helpdesk gives us no access token: it answered {status}.", wait
    except UNANSWERED as trouble:
        return None, f"{type(trouble).__name__}: {trouble}"[:300], 0.0
    if status == httpx.codes.UNAUTHORIZED:
        forget(call)
    return status, error, wait


def _asked_to_wait(header: str | None) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3), within a day; 0 without one we can read."""
    if header is None:
        return 0.0
    try:
        seconds = float(header) if header.isdigit() else (parsedate_to_datetime(header) - utc_now()).total_seconds()
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT)
