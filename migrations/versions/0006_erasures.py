"""tombstones of erased customers, and which examples a retraining's snapshot lost to them"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("desk_id", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("id_hash", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("subject IN ('visitor', 'conversation')", name=op.f("ck_erasures_subject")),
        sa.ForeignKeyConstraint(["desk_id"], ["desks.id"], name=op.f("fk_erasures_desk_id_desks"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index("ix_erasures_desk_hash", "erasures", ["desk_id", "id_hash"])
    op.add_column("retrainings", sa.Column("erased_examples", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    # Not in batch mode: on SQLite that would make the table anew, and lose its checks and partial index.
    op.drop_column("retrainings", "erased_examples")
    op.drop_index("ix_erasures_desk_hash", table_name="erasures")
    op.drop_table("erasures")
