"""Sending what must reach a helpdesk: signed, at least once, with patience."""

import structlog

from agent.channels import CHANNELS, REFUSALS
from agent.channels.ownership import was_taken_over
from agent.database import Database
from agent.errors import BadInput
from agent.leases import take
from agent.settings import Settings
from agent.tables import Connection, Delivery, utc_now
from workers.calls import TIMEOUT
from workers.posting import next_try, post

log = structlog.get_logger(__name__)
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
    outcome = post(call, "helpdesk", TIMEOUT, settings.private_deliveries, REFUSALS.get(connection.kind))
    with database.writing() as session:
        row = session.get(Delivery, delivery.id)
        if row is None:  # its customer was erased meanwhile
            return
        row.answer_status, row.error, row.lease_until = outcome.status, outcome.error, None
        if outcome.error is None:
            row.status, row.sent_at = "sent", utc_now()
        elif delivery.attempt > len(PATIENCE):
            row.status = "dead"
        else:
            row.due_at = next_try(PATIENCE[delivery.attempt - 1], outcome.wait)
    log.info("delivery_tried", delivery=row.id, attempt=row.attempt, status=outcome.status, error=outcome.error)


def _skip(delivery: Delivery, why: str) -> None:
    delivery.status, delivery.lease_until, delivery.error = "skipped", None, why
