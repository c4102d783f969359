"""inbound events say which ticket they are of"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

EVENTS = sa.table("inbound_events", sa.column("id"), sa.column("ticket_id"), sa.column("body"))
LONGEST_ID = 200


def upgrade() -> None:
    with op.batch_alter_table("inbound_events") as batch_op:
        batch_op.add_column(sa.Column("ticket_id", sa.String(), nullable=True))
        batch_op.create_index("ix_inbound_events_ticket", ["connection_id", "ticket_id"])
    connection = op.get_bind()
    for event_id, body in connection.execute(sa.select(EVENTS.c.id, EVENTS.c.body)).all():
        if (ticket := _ticket(body)) is not None:
            connection.execute(sa.update(EVENTS).where(EVENTS.c.id == event_id).values(ticket_id=ticket))


def downgrade() -> None:
    with op.batch_alter_table("inbound_events") as batch_op:
        batch_op.drop_index("ix_inbound_events_ticket")
        batch_op.drop_column("ticket_id")


def _ticket(body: bytes) -> str | None:
    try:
        found = json.loads(body)["data"]["ticket_id"]
        ticket = str(found)
        ticket.encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    names_one = isinstance(found, str | int) and 0 < len(ticket) <= LONGEST_ID and "\0" not in ticket
    return ticket if names_one else None
