"""candidates on trial: in the shadow of the live version, then for a share of the conversations"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

OPEN = sa.text("stage IN ('shadow', 'canary')")


def upgrade() -> None:
    op.create_table(
        "trials",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("skill_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("against_id", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("shadow_turns", sa.Integer(), nullable=False),
        sa.Column("canary_conversations", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "stage IN ('shadow', 'canary', 'passed', 'promoted', 'returned', 'stopped')",
            name=op.f("ck_trials_stage"),
        ),
        sa.ForeignKeyConstraint(
            ["skill_id"], ["skills.id"], name=op.f("fk_trials_skill_id_skills"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_trials_version_id_versions")),
        sa.ForeignKeyConstraint(["against_id"], ["versions.id"], name=op.f("fk_trials_against_id_versions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
    )
    with op.batch_alter_table("trials") as batch_op:
        batch_op.create_index("uq_trials_one_open", ["skill_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    with op.batch_alter_table("turns") as batch_op:
        batch_op.add_column(sa.Column("shadow", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Candidates on trial stop answering: older code knows only the live version."""
    with op.batch_alter_table("turns") as batch_op:
        batch_op.drop_column("shadow")
    op.drop_table("trials")
