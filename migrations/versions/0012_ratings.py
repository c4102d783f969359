"""customers rate conversations that have ended"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("conversations") as batch_op:
        batch_op.add_column(sa.Column("rating", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("remark", sa.String(), nullable=True))
        batch_op.create_check_constraint("rating", "rating IN ('terrible', 'bad', 'ok', 'good', 'amazing')")


def downgrade() -> None:
    with op.batch_alter_table("conversations") as batch_op:
        batch_op.drop_constraint(op.f("ck_conversations_rating"), type_="check")
        batch_op.drop_column("remark")
        batch_op.drop_column("rating")
