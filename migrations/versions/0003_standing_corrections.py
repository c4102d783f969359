"""corrections say what was done, keep the reviewer's wording, and stay on record when they end"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STANDING = sa.text("ended_at IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("corrections") as batch_op:
        batch_op.add_column(sa.Column("action", sa.String(), nullable=False, server_default="relabelled"))
        batch_op.add_column(sa.Column("text", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint("uq_corrections_turn_id_skill_id", type_="unique")
        batch_op.create_check_constraint("action", "action IN ('confirmed', 'relabelled', 'rewritten', 'discarded')")
        batch_op.create_index(
            "uq_corrections_one_standing",
            ["turn_id", "skill_id"],
            unique=True,
            sqlite_where=STANDING,
            postgresql_where=STANDING,
        )


def downgrade() -> None:
    """Ended judgements go: the older tables have one a turn and skill."""
    op.execute(sa.text("DELETE FROM corrections WHERE ended_at IS NOT NULL"))
    with op.batch_alter_table("corrections") as batch_op:
        batch_op.drop_index("uq_corrections_one_standing")
        batch_op.drop_constraint(op.f("ck_corrections_action"), type_="check")
        batch_op.create_unique_constraint("uq_corrections_turn_id_skill_id", ["turn_id", "skill_id"])
        batch_op.drop_column("ended_at")
        batch_op.drop_column("text")
        batch_op.drop_column("action")
