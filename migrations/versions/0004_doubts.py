"""examples say what their neighbours hold against them"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("examples") as batch_op:
        batch_op.add_column(sa.Column("doubt", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    with op.batch_alter_table("examples") as batch_op:
        batch_op.drop_column("doubt")
