"""Every table. `jobs` belongs to the contract with the client (watchkeeper.contract); the rest is the service's.

Times are whole milliseconds since 1970 UTC on the database's clock (docs/adr/0003); names end in `_at`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    false,
    text,
    true,
)

from watchkeeper.contract import MAX_NAME_LENGTH, jobs, metadata

__all__ = [
    "agents", "attempts", "incarnations", "installation", "job_events", "jobs", "key_events", "key_standings",
    "leases", "llm_defaults",
    "metadata", "models", "provider_keys", "providers", "snapshots", "steps",
    "supervisors", "tool_starts",
]  # fmt: skip

_ROW_ID = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself in SQLite

# --- the journal of a job -------------------------------------------------------------------------------------

steps = Table(
    "steps",
    metadata,
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1, 2, ... within the job"),
    Column("kind", String(8), nullable=False, comment="llm or tool"),
    Column("request_hash", String(64), nullable=False, comment="SHA-256 of what was asked"),
    Column("result", Text, nullable=False, comment="JSON: message (joins the conversation), served_by"),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cost_usd", Float, comment="null = unknown, never 0 for unknown"),
    Column("claim_token", Integer, nullable=False, comment="the claim that paid for it"),
    Column("finished_at", BigInteger, nullable=False),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("step", Integer, nullable=False, comment="the step it was made for"),
    Column("claim_token", Integer, nullable=False),
    Column("provider", String(MAX_NAME_LENGTH), nullable=False),
    Column("model", String(MAX_NAME_LENGTH), nullable=False),
    Column("key_label", String(MAX_NAME_LENGTH), nullable=False),
    Column("key_mask", String(40), nullable=False),
    Column("key_fingerprint", String(20), nullable=False, comment="empty for a provider without keys"),
    Column("generation", Integer, nullable=False, comment="of the configuration it was made on"),
    Column("cause", String(40), comment="null = it succeeded"),
    Column("status", SmallInteger, comment="HTTP status, null = no answer"),
    Column("detail", Text, comment="the provider's words, redacted"),
    Column("started_at", BigInteger, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cost_usd", Float),
    Index(None, "job_id"),
)

tool_starts = Table(
    # Written before a tool that may not be repeated runs: found without its step, it is never run again (DESIGN 2).
    "tool_starts",
    metadata,
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False, comment="the step it would become"),
    Column("tool", String(MAX_NAME_LENGTH), nullable=False),
    Column("claim_token", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
)

job_events = Table(
    # The unusual turns of a job (rescued, yielded, released, retried); the usual ones stand in the other tables.
    "job_events",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event", String(40), nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "job_id"),
)

# --- processes ---

incarnations = Table(
    "incarnations",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("heartbeat", BigInteger, nullable=False, comment="counts up; standing still is what counts, not age"),
    Column("heartbeat_at", BigInteger, nullable=False, comment="for people"),
    Column("generation", Integer, comment="configuration it acknowledged"),
    Column("running", Integer, nullable=False, server_default=text("0"), comment="jobs in its hands"),
    Column("threads", Integer, nullable=False),
    Column("ended_at", BigInteger, comment="null = believed alive"),
    Column("ended_why", String(200)),
    Column(
        "crashed", Boolean, nullable=False, server_default=false(), comment="it did not end by itself: see crashes"
    ),
    Column("supervisor", String(36), comment="who started it; null = it was started alone"),
    Column("alone_with", String(36), comment="the one job this process was started for; null = any"),
    Column("state", String(12), nullable=False, server_default="ready", comment="ready or draining"),
    Column("recycle_why", String(200), comment="why it drains, when it is being replaced"),
    Column("jobs_done", BigInteger, nullable=False, server_default=text("0"), comment="endings it stored"),
    Column("rss_mb", Integer, comment="resident memory, MiB"),
    Column("connections", Integer, comment="open sockets"),
    Column("loop_lag_ms", Integer, comment="worst delay of the event loop since the last heartbeat"),
    Index(None, "ended_at"),
)

supervisors = Table(
    "supervisors",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),
    Column("processes", Integer, nullable=False, comment="how many workers it keeps"),
    Column("threads", Integer, nullable=False, comment="jobs each runs at a time"),
    Column("ended_at", BigInteger, comment="null = believed alive"),
    Column("ended_why", String(200)),
    Index(None, "ended_at"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("holder", String(36), nullable=False),
    Column("token", BigInteger, nullable=False, comment="fencing: +1 per new holder"),
    Column("expires_at", BigInteger, nullable=False),
)

# --- key states -----

key_standings = Table(
    # What Redis holds of subjects set aside, so that wiping Redis forgets nothing (shared/keystate).
    "key_standings",
    metadata,
    Column("subject", String(500), primary_key=True, comment="key:<fingerprint>, provider:<name>, ..."),
    Column("since_ms", BigInteger, nullable=False),
    Column("standing", Text, nullable=False, comment="JSON, as in Redis"),
)

key_events = Table(
    "key_events",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("subject", String(500), nullable=False),
    Column("event", String(20), nullable=False, comment="set_aside, cleared or restored"),
    Column("since_ms", BigInteger, nullable=False, comment="of the standing the event is about"),
    Column("state", String(16), nullable=False),
    Column("cause", String(40), nullable=False),
    Column("label", String(MAX_NAME_LENGTH), comment="the key it happened with; null when the scheduler noticed it"),
    Column("standing", Text, nullable=False, comment="JSON: until, strikes, advice"),
    Column("told_by", String(40), nullable=False, comment="an incarnation, or scheduler"),
    # One story once, whoever writes it down first.
    Index(None, "subject", "since_ms", "event", unique=True),
    Index(None, "at"),
)

# --- configuration ---

installation = Table(
    "installation",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("fingerprint_salt", String(64), nullable=False),
    Column("master_key_check", Text, comment="a sealed known text: tells a wrong master key at once"),
)

_SOURCE = "database = set by a person; environment = found by the scheduler in its environment or .env"

providers = Table(
    "providers",
    metadata,
    Column("name", String(MAX_NAME_LENGTH), primary_key=True),
    Column("kind", String(40), nullable=False, comment="litellm's name of the wire format"),
    Column("api_base", Text),
    Column("auth", String(10), nullable=False, comment="key or none"),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("priority", Integer, nullable=False, comment="lower is tried first"),
    Column("key_page_url", Text),
    Column("status_page_url", Text),
    Column("source", String(12), nullable=False, comment=_SOURCE),
)

provider_keys = Table(
    "provider_keys",
    metadata,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("provider", ForeignKey("providers.name", ondelete="CASCADE"), nullable=False),
    Column("label", String(MAX_NAME_LENGTH), nullable=False, unique=True, comment="what people call it"),
    Column("sealed", Text, nullable=False, comment="the secret, encrypted"),
    Column("fingerprint", String(20), nullable=False, unique=True),
    Column("mask", String(40), nullable=False),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("priority", Integer, nullable=False, comment="lower is tried first"),
    Column("source", String(12), nullable=False, comment=_SOURCE),
    Column("created_at", BigInteger, nullable=False),
)

models = Table(
    "models",
    metadata,
    Column(
        "id",
        String(MAX_NAME_LENGTH),
        primary_key=True,
        comment="what agents refer to, e.g. groq/llama-3.3-70b",
    ),
    Column("display_name", String(MAX_NAME_LENGTH), nullable=False),
    Column("type", String(12), nullable=False, comment="chat or embedding"),
    Column("provider", ForeignKey("providers.name", ondelete="CASCADE"), nullable=False),
    Column("remote_name", String(MAX_NAME_LENGTH), nullable=False, comment="the provider's name of it"),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("input_usd_per_million", Float, comment="price override; null = litellm's price list"),
    Column("output_usd_per_million", Float),
    Column("context_tokens", Integer, comment="what the model reads at most; null = litellm's list"),
    Column("source", String(12), nullable=False, comment=_SOURCE),
)

llm_defaults = Table(
    "llm_defaults",
    metadata,
    Column("purpose", String(12), primary_key=True, comment="chat, agents or embeddings"),
    Column("model", ForeignKey("models.id", ondelete="CASCADE"), nullable=False),
)

agents = Table(
    "agents",
    metadata,
    Column("name", String(MAX_NAME_LENGTH), primary_key=True),
    Column("system_prompt", Text, nullable=False, server_default=""),
    Column(
        "models",
        Text,
        nullable=False,
        server_default="[]",
        comment="JSON list of model ids; empty = the defaults",
    ),
    Column("temperature", Float),
    Column("top_p", Float),
    Column("max_tokens", Integer),
    Column("timeout_seconds", Float, nullable=False, server_default="120", comment="of one attempt"),
    Column("tools", Text, nullable=False, server_default="[]", comment="JSON list of tool names"),
    Column("max_steps", Integer, nullable=False, server_default="20"),
    Column("on_outage", String(8), nullable=False, server_default="wait", comment="wait or fail"),
    Column("output_schema", Text, comment="JSON schema the answer must keep to; null = any text"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False, comment="JSON; secrets sealed; never changed once written"),
    Column("digest", String(64), nullable=False, comment="SHA-256 of what the content means"),
    Column("author", String(MAX_NAME_LENGTH), nullable=False),
    Column("comment", Text, nullable=False),
    Column("published_at", BigInteger, nullable=False),
)
