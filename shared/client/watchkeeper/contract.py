"""The contract between a backend and the service: one table, one wake-up queue, one announcement.

Both ends import this module, so they cannot drift. `CONTRACT_VERSION` is written on every job row: a newer
service goes on reading older rows.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    false,
    text,
)

CONTRACT_VERSION: Final = 1

WAKE_QUEUE: Final = "watchkeeper:wake"
"""Redis sorted set: member = job id, score = `wake_score`. ZADD NX makes a second wake-up of a job harmless."""

ALONE_QUEUE: Final = "watchkeeper:alone"
"""Redis sorted set like `WAKE_QUEUE`, of jobs that crashed workers: each is run in a process of its own."""

DONE_CHANNEL: Final = "watchkeeper:done:"
"""Redis channel prefix; the job id follows. A message means: look at the row, the job has ended."""

CANCEL_CHANNEL: Final = "watchkeeper:cancel"
"""Redis channel; a message is the id of a running job that was told to stop: its worker looks at once."""

STREAM: Final = "watchkeeper:stream:"
"""Redis stream prefix; the job id follows: what a job enqueued with `stream` tells while it runs (`events`)."""

MAX_MESSAGES_BYTES: Final = 4 * 1024 * 1024
"""The longest `messages` accepted, as UTF-8 JSON. Longer than any model reads; keeps one job from filling a store."""

MAX_METADATA_BYTES: Final = 64 * 1024
MAX_NAME_LENGTH: Final = 200
"""Characters of an agent name, conversation id or idempotency key."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True, comment="UUID version 7, made by the client"),
    Column("contract", SmallInteger, nullable=False, comment="CONTRACT_VERSION of the writer"),
    Column("agent", String(MAX_NAME_LENGTH), nullable=False),
    Column("state", String(16), nullable=False, comment="JobState"),
    Column("priority", SmallInteger, nullable=False, comment="Priority: 0 high, 1 normal, 2 low"),
    Column("messages", Text, nullable=False, comment="JSON list of chat messages"),
    Column("conversation_id", String(MAX_NAME_LENGTH)),
    Column("idempotency_key", String(MAX_NAME_LENGTH), unique=True),
    Column("metadata", Text, comment="JSON object of the backend's own, never read by the service"),
    Column("run_after", BigInteger, comment="ms; not started before"),
    Column("deadline", BigInteger, comment="ms; failed with cause deadline when not finished by then"),
    Column("enqueued_at", BigInteger, nullable=False, comment="ms, database clock"),
    Column("woken_at", BigInteger, comment="ms; the last wake-up known to be sent, null = none yet"),
    Column("claim_token", Integer, nullable=False, server_default=text("0"), comment="fencing: +1 per claim"),
    Column("claimed_by", String(36), comment="incarnation that holds it"),
    Column("claimed_at", BigInteger),
    Column("started_at", BigInteger, comment="ms of the first claim"),
    Column("finished_at", BigInteger),
    Column("yields", Integer, nullable=False, server_default=text("0"), comment="times it gave way in an outage"),
    Column("steps", Integer, nullable=False, server_default=text("0"), comment="finished steps in the journal"),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("stream", Boolean, nullable=False, server_default=false(), comment="tell every token as it comes"),
    Column(
        "crashes",
        SmallInteger,
        nullable=False,
        server_default=text("0"),
        comment="workers that crashed with it in hand since its last finished step",
    ),
    Column(
        "crashes_alone",
        SmallInteger,
        nullable=False,
        server_default=text("0"),
        comment="of those, how often it was alone in its process",
    ),
    Column("result", Text, comment="JSON object: text, model, provider, usage, cost_usd, generation"),
    Column("error_cause", String(40)),
    Column("error_message", Text),
    Index(None, "state", "run_after"),
    Index(None, "conversation_id", "enqueued_at"),
    Index(
        "uq_jobs_one_running_per_conversation",
        "conversation_id",
        unique=True,
        sqlite_where=text("state = 'running' AND conversation_id IS NOT NULL"),
        postgresql_where=text("state = 'running' AND conversation_id IS NOT NULL"),
    ),
)

agent_names = Table(
    # Only what a client may rely on: that an agent exists. The service's own definition adds the rest.
    "agents",
    MetaData(),
    Column("name", String(MAX_NAME_LENGTH), primary_key=True),
)


def wake_score(priority: int, ready_at_ms: int) -> float:
    """Order in `WAKE_QUEUE`: priority first, then the time in ms (exact in a double for 8000 years)."""
    return priority * 1e14 + ready_at_ms
