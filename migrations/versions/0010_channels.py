"""connections have a mode and credentials; deliveries say what they do"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OLD_STATUS = "status IN ('queued', 'sent', 'dead')"
NEW_STATUS = "status IN ('queued', 'sent', 'skipped', 'dead')"


def upgrade() -> None:
    with op.batch_alter_table("connections") as batch_op:
        batch_op.add_column(sa.Column("mode", sa.String(), nullable=False, server_default="answer"))
        batch_op.add_column(sa.Column("credentials", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.create_check_constraint("mode", "mode IN ('answer', 'draft', 'label', 'watch')")
    with op.batch_alter_table("deliveries") as batch_op:
        batch_op.add_column(sa.Column("position", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("action", sa.String(), nullable=False, server_default="handled"))
        batch_op.drop_constraint("uq_deliveries_inbound_event_id", type_="unique")
        batch_op.create_unique_constraint("uq_deliveries_inbound_event_id_position", ["inbound_event_id", "position"])
        batch_op.drop_constraint(op.f("ck_deliveries_status"), type_="check")
        batch_op.create_check_constraint("status", NEW_STATUS)


def downgrade() -> None:
    """What only the newer code could send goes: other helpdesks, and deliveries that need not arrive."""
    op.execute(sa.text("DELETE FROM deliveries WHERE action <> 'handled' OR status = 'skipped'"))
    op.execute(sa.text("DELETE FROM connections WHERE kind <> 'standard'"))
    with op.batch_alter_table("deliveries") as batch_op:
        batch_op.drop_constraint(op.f("ck_deliveries_status"), type_="check")
        batch_op.create_check_constraint("status", OLD_STATUS)
        batch_op.drop_constraint("uq_deliveries_inbound_event_id_position", type_="unique")
        batch_op.create_unique_constraint("uq_deliveries_inbound_event_id", ["inbound_event_id"])
        batch_op.drop_column("action")
        batch_op.drop_column("position")
    with op.batch_alter_table("connections") as batch_op:
        batch_op.drop_constraint(op.f("ck_connections_mode"), type_="check")
        batch_op.drop_column("credentials")
        batch_op.drop_column("mode")
