"""desks may have a secret by which their site says who a customer is"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("desks") as batch_op:
        batch_op.add_column(sa.Column("identity_secret", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("desks") as batch_op:
        batch_op.drop_column("identity_secret")
