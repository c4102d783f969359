"""Sending what must reach a helpdesk: signed, at least once, with patience."""

import random
from datetime import timedelta

import httpx
import structlog

from agent.addresses import safe_transport
from agent.channels import standard
from agent.database import Database
from agent.leases import take
from agent.settings import Settings
from agent.tables import Connection, Delivery, utc_now

log = structlog.get_logger(__name__)
TIMEOUT = 10.0
PATIENCE = (5, 30, 120, 600, 3600, 14_400, 43_200)
"""Seconds before each further attempt; after the last the delivery is dead until somebody sends it again."""


def run_delivery(database: Database, settings: Settings, delivery_id: str) -> None:
    """Send a delivery that is due. Success, another try later, or dead: the row says which."""
    with database.writing() as session:
        delivery = take(session, Delivery, delivery_id)
        connection = session.get_one(Connection, delivery.connection_id) if delivery else None
    if delivery is None or connection is None:
        return
    status, error = _post(settings, connection, delivery)
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
            wait = PATIENCE[delivery.attempt - 1] * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            row.due_at = utc_now() + timedelta(seconds=wait)
    log.info("delivery_tried", delivery=delivery.id, attempt=delivery.attempt, status=status, error=error)


def _post(settings: Settings, connection: Connection, delivery: Delivery) -> tuple[int | None, str | None]:
    """Post once; return the HTTP status, and what went wrong, if anything did."""
    body, headers = standard.signed(delivery.payload, connection.secrets[0], delivery.id, utc_now())
    transport = safe_transport(settings.private_deliveries)
    try:
        with (
            httpx.Client(transport=transport, timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client,
            client.stream("POST", str(connection.url), content=body, headers=headers) as answer,
        ):
            status, arrived = answer.status_code, answer.is_success  # its body is nothing we wait for
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:  # UnicodeError: a name DNS cannot spell
        return None, f"{type(error).__name__}: {error}"[:300]
    return status, None if arrived else f"The helpdesk answered {status}."
