"""The first schema: jobs and their journal, processes, configuration."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("system_prompt", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "models",
            sa.Text(),
            server_default="[]",
            nullable=False,
            comment="JSON list of model ids; empty = the defaults",
        ),
        sa.Column("temperature", sa.Float(), nullable=True),
        sa.Column("top_p", sa.Float(), nullable=True),
        sa.Column("max_tokens", sa.Integer(), nullable=True),
        sa.Column("timeout_seconds", sa.Float(), server_default="120", nullable=False, comment="of one attempt"),
        sa.Column("tools", sa.Text(), server_default="[]", nullable=False, comment="JSON list of tool names"),
        sa.Column("max_steps", sa.Integer(), server_default="20", nullable=False),
        sa.Column("on_outage", sa.String(length=8), server_default="wait", nullable=False, comment="wait or fail"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_agents")),
    )
    op.create_table(
        "incarnations",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "heartbeat",
            sa.BigInteger(),
            nullable=False,
            comment="counts up; standing still is what counts, not age",
        ),
        sa.Column("heartbeat_at", sa.BigInteger(), nullable=False, comment="for people"),
        sa.Column("generation", sa.Integer(), nullable=True, comment="configuration it acknowledged"),
        sa.Column("running", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="jobs in its hands"),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="null = believed alive"),
        sa.Column("ended_why", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incarnations")),
    )
    op.create_index(op.f("ix_incarnations_ended_at"), "incarnations", ["ended_at"], unique=False)
    op.create_table(
        "installation",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("fingerprint_salt", sa.String(length=64), nullable=False),
        sa.Column(
            "master_key_check",
            sa.Text(),
            nullable=True,
            comment="a sealed known text: tells a wrong master key at once",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=36), nullable=False, comment="UUID version 7, made by the client"),
        sa.Column("contract", sa.SmallInteger(), nullable=False, comment="CONTRACT_VERSION of the writer"),
        sa.Column("agent", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="JobState"),
        sa.Column("priority", sa.SmallInteger(), nullable=False, comment="Priority: 0 high, 1 normal, 2 low"),
        sa.Column("messages", sa.Text(), nullable=False, comment="JSON list of chat messages"),
        sa.Column("conversation_id", sa.String(length=200), nullable=True),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column(
            "metadata",
            sa.Text(),
            nullable=True,
            comment="JSON object of the backend's own, never read by the service",
        ),
        sa.Column("run_after", sa.BigInteger(), nullable=True, comment="ms; not started before"),
        sa.Column(
            "deadline",
            sa.BigInteger(),
            nullable=True,
            comment="ms; failed with cause deadline when not finished by then",
        ),
        sa.Column("enqueued_at", sa.BigInteger(), nullable=False, comment="ms, database clock"),
        sa.Column(
            "woken_at",
            sa.BigInteger(),
            nullable=True,
            comment="ms; the last wake-up known to be sent, null = none yet",
        ),
        sa.Column(
            "claim_token",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="fencing: +1 per claim",
        ),
        sa.Column("claimed_by", sa.String(length=36), nullable=True, comment="incarnation that holds it"),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True, comment="ms of the first claim"),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "yields",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="times it gave way in an outage",
        ),
        sa.Column(
            "steps",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="finished steps in the journal",
        ),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column(
            "result",
            sa.Text(),
            nullable=True,
            comment="JSON object: text, model, provider, usage, cost_usd, generation",
        ),
        sa.Column("error_cause", sa.String(length=40), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_jobs_idempotency_key")),
    )
    op.create_index(
        op.f("ix_jobs_conversation_id_enqueued_at"), "jobs", ["conversation_id", "enqueued_at"], unique=False
    )
    op.create_index(op.f("ix_jobs_state_run_after"), "jobs", ["state", "run_after"], unique=False)
    op.create_index(
        "uq_jobs_one_running_per_conversation",
        "jobs",
        ["conversation_id"],
        unique=True,
        sqlite_where=sa.text("state = 'running' AND conversation_id IS NOT NULL"),
        postgresql_where=sa.text("state = 'running' AND conversation_id IS NOT NULL"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=36), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False, comment="fencing: +1 per new holder"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "providers",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False, comment="litellm's name of the wire format"),
        sa.Column("api_base", sa.Text(), nullable=True),
        sa.Column("auth", sa.String(length=10), nullable=False, comment="key or none"),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False, comment="lower is tried first"),
        sa.Column("key_page_url", sa.Text(), nullable=True),
        sa.Column("status_page_url", sa.Text(), nullable=True),
        sa.Column(
            "source",
            sa.String(length=12),
            nullable=False,
            comment="database = set by a person; environment = found by the scheduler in its environment or .env",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_providers")),
    )
    op.create_table(
        "snapshots",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False, comment="JSON; secrets sealed; never changed once written"),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of what the content means"),
        sa.Column("author", sa.String(length=200), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_snapshots")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False, comment="the step it was made for"),
        sa.Column("claim_token", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("key_label", sa.String(length=200), nullable=False),
        sa.Column("key_mask", sa.String(length=40), nullable=False),
        sa.Column(
            "key_fingerprint",
            sa.String(length=20),
            nullable=False,
            comment="empty for a provider without keys",
        ),
        sa.Column("generation", sa.Integer(), nullable=False, comment="of the configuration it was made on"),
        sa.Column("cause", sa.String(length=40), nullable=True, comment="null = it succeeded"),
        sa.Column("status", sa.SmallInteger(), nullable=True, comment="HTTP status, null = no answer"),
        sa.Column("detail", sa.Text(), nullable=True, comment="the provider's words, redacted"),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_attempts_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_job_id"), "attempts", ["job_id"], unique=False)
    op.create_table(
        "job_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_events_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_events")),
    )
    op.create_index(op.f("ix_job_events_job_id"), "job_events", ["job_id"], unique=False)
    op.create_table(
        "models",
        sa.Column(
            "id",
            sa.String(length=200),
            nullable=False,
            comment="what agents refer to, e.g. groq/llama-3.3-70b",
        ),
        sa.Column("display_name", sa.String(length=200), nullable=False),
        sa.Column("type", sa.String(length=12), nullable=False, comment="chat or embedding"),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("remote_name", sa.String(length=200), nullable=False, comment="the provider's name of it"),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column(
            "input_usd_per_million",
            sa.Float(),
            nullable=True,
            comment="price override; null = litellm's price list",
        ),
        sa.Column("output_usd_per_million", sa.Float(), nullable=True),
        sa.Column(
            "source",
            sa.String(length=12),
            nullable=False,
            comment="database = set by a person; environment = found by the scheduler in its environment or .env",
        ),
        sa.ForeignKeyConstraint(
            ["provider"], ["providers.name"], name=op.f("fk_models_provider_providers"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
    )
    op.create_table(
        "provider_keys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=False, comment="what people call it"),
        sa.Column("sealed", sa.Text(), nullable=False, comment="the secret, encrypted"),
        sa.Column("fingerprint", sa.String(length=20), nullable=False),
        sa.Column("mask", sa.String(length=40), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False, comment="lower is tried first"),
        sa.Column(
            "source",
            sa.String(length=12),
            nullable=False,
            comment="database = set by a person; environment = found by the scheduler in its environment or .env",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider"],
            ["providers.name"],
            name=op.f("fk_provider_keys_provider_providers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_keys")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_provider_keys_fingerprint")),
        sa.UniqueConstraint("label", name=op.f("uq_provider_keys_label")),
    )
    op.create_table(
        "steps",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False, comment="1, 2, ... within the job"),
        sa.Column("kind", sa.String(length=8), nullable=False, comment="llm or tool"),
        sa.Column("request_hash", sa.String(length=64), nullable=False, comment="SHA-256 of what was asked"),
        sa.Column("result", sa.Text(), nullable=False, comment="JSON: message (joins the conversation), served_by"),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Float(), nullable=True, comment="null = unknown, never 0 for unknown"),
        sa.Column("claim_token", sa.Integer(), nullable=False, comment="the claim that paid for it"),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_steps_job_id_jobs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_steps")),
    )
    op.create_table(
        "llm_defaults",
        sa.Column("purpose", sa.String(length=12), nullable=False, comment="chat, agents or embeddings"),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["model"], ["models.id"], name=op.f("fk_llm_defaults_model_models"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("purpose", name=op.f("pk_llm_defaults")),
    )
    op.execute(
        sa.text("INSERT INTO installation (id, fingerprint_salt) VALUES (1, :salt)").bindparams(
            salt=secrets.token_hex(32)
        )
    )
    op.execute("INSERT INTO agents (name) VALUES ('default')")


def downgrade() -> None:
    op.drop_table("llm_defaults")
    op.drop_table("steps")
    op.drop_table("provider_keys")
    op.drop_table("models")
    op.drop_index(op.f("ix_job_events_job_id"), table_name="job_events")
    op.drop_table("job_events")
    op.drop_index(op.f("ix_attempts_job_id"), table_name="attempts")
    op.drop_table("attempts")
    op.drop_table("snapshots")
    op.drop_table("providers")
    op.drop_table("leases")
    op.drop_index(
        "uq_jobs_one_running_per_conversation",
        table_name="jobs",
        sqlite_where=sa.text("state = 'running' AND conversation_id IS NOT NULL"),
        postgresql_where=sa.text("state = 'running' AND conversation_id IS NOT NULL"),
    )
    op.drop_index(op.f("ix_jobs_state_run_after"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_conversation_id_enqueued_at"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_table("installation")
    op.drop_index(op.f("ix_incarnations_ended_at"), table_name="incarnations")
    op.drop_table("incarnations")
    op.drop_table("agents")
