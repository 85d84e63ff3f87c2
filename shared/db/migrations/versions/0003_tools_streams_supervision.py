"""Tools that may run once only, streams, crashes, supervised workers, structured answers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _jobs()
    _tool_starts()
    _processes()
    op.add_column(
        "models",
        sa.Column("context_tokens", sa.Integer(), comment="what the model reads at most; null = litellm's list"),
    )
    op.add_column(
        "agents",
        sa.Column("output_schema", sa.Text(), comment="JSON schema the answer must keep to; null = any text"),
    )


def _jobs() -> None:
    op.add_column(
        "jobs",
        sa.Column(
            "stream",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="tell every token as it comes",
        ),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "crashes",
            sa.SmallInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="workers that crashed with it in hand since its last finished step",
        ),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "crashes_alone",
            sa.SmallInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of those, how often it was alone in its process",
        ),
    )


def _tool_starts() -> None:
    op.create_table(
        "tool_starts",
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="the step it would become"),
        sa.Column("tool", sa.String(200), nullable=False),
        sa.Column("claim_token", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_tool_starts_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_tool_starts")),
    )


def _processes() -> None:
    for column in (
        sa.Column(
            "crashed",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="it did not end by itself: see crashes",
        ),
        sa.Column("supervisor", sa.String(36), comment="who started it; null = it was started alone"),
        sa.Column("alone_with", sa.String(36), comment="the one job this process was started for; null = any"),
        sa.Column("state", sa.String(12), server_default="ready", nullable=False, comment="ready or draining"),
        sa.Column("recycle_why", sa.String(200), comment="why it drains, when it is being replaced"),
        sa.Column(
            "jobs_done", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="endings it stored"
        ),
        sa.Column("rss_mb", sa.Integer(), comment="resident memory, MiB"),
        sa.Column("connections", sa.Integer(), comment="open sockets"),
        sa.Column("loop_lag_ms", sa.Integer(), comment="worst delay of the event loop since the last heartbeat"),
    ):
        op.add_column("incarnations", column)
    op.create_table(
        "supervisors",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=False),
        sa.Column("processes", sa.Integer(), nullable=False, comment="how many workers it keeps"),
        sa.Column("threads", sa.Integer(), nullable=False, comment="jobs each runs at a time"),
        sa.Column("ended_at", sa.BigInteger(), comment="null = believed alive"),
        sa.Column("ended_why", sa.String(200)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervisors")),
    )
    op.create_index(op.f("ix_supervisors_ended_at"), "supervisors", ["ended_at"])


def downgrade() -> None:
    op.drop_table("supervisors")
    for column in (
        "loop_lag_ms", "connections", "rss_mb", "jobs_done", "recycle_why", "state", "alone_with", "supervisor",
        "crashed",
    ):  # fmt: skip
        op.drop_column("incarnations", column)
    op.drop_column("agents", "output_schema")
    op.drop_column("models", "context_tokens")
    op.drop_table("tool_starts")
    for column in ("crashes_alone", "crashes", "stream"):
        op.drop_column("jobs", column)
