"""Key states in SQL: what Redis holds, and the story of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "key_standings",
        sa.Column("subject", sa.String(500), nullable=False, comment="key:<fingerprint>, provider:<name>, ..."),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False, comment="JSON, as in Redis"),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_key_standings")),
    )
    op.create_table(
        "key_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(500), nullable=False),
        sa.Column("event", sa.String(20), nullable=False, comment="set_aside, cleared or restored"),
        sa.Column("since_ms", sa.BigInteger(), nullable=False, comment="of the standing the event is about"),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("label", sa.String(200), comment="the key it happened with; null when the scheduler noticed it"),
        sa.Column("standing", sa.Text(), nullable=False, comment="JSON: until, strikes, advice"),
        sa.Column("told_by", sa.String(40), nullable=False, comment="an incarnation, or scheduler"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_events")),
    )
    op.create_index(
        op.f("ix_key_events_subject_since_ms_event"), "key_events", ["subject", "since_ms", "event"], unique=True
    )
    op.create_index(op.f("ix_key_events_at"), "key_events", ["at"])


def downgrade() -> None:
    op.drop_table("key_events")
    op.drop_table("key_standings")
