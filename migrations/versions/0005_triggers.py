"""skills retrain on a schedule and rest after a promotion; a candidate may wait for a human's yes"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BEFORE = "status IN ('queued', 'running', 'promoted', 'refused', 'failed', 'cancelled')"
AFTER = "status IN ('queued', 'running', 'held', 'promoted', 'refused', 'failed', 'cancelled')"


def upgrade() -> None:
    with op.batch_alter_table("skills") as batch_op:
        batch_op.add_column(sa.Column("retrain_hours", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("rest_minutes", sa.Integer(), nullable=False, server_default="60"))
    _allow(AFTER)


def downgrade() -> None:
    """A candidate that waits for a yes was not promoted: it counts as refused."""
    op.execute(sa.text("UPDATE retrainings SET status = 'refused' WHERE status = 'held'"))
    _allow(BEFORE)
    with op.batch_alter_table("skills") as batch_op:
        batch_op.drop_column("rest_minutes")
        batch_op.drop_column("retrain_hours")


def _allow(statuses: str) -> None:
    with op.batch_alter_table("retrainings") as batch_op:
        batch_op.drop_constraint(op.f("ck_retrainings_status"), type_="check")
        batch_op.create_check_constraint(op.f("ck_retrainings_status"), statuses)
