"""What goes into the journal and what a claim brings back."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request to a provider with one key. `cause` None = it succeeded; unknown cost is None."""

    step: int
    provider: str
    model: str
    key_label: str
    key_mask: str
    key_fingerprint: str
    generation: int
    cause: str | None
    status: int | None
    detail: str | None
    started_at: int
    duration_ms: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One finished LLM reply or tool result. `message` joins the conversation; `served_by` says who answered."""

    number: int
    kind: str
    request_hash: str
    message: dict[str, Any]
    served_by: dict[str, Any] = field(default_factory=dict)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job in our hands, with all that is needed to go on: its journal and its conversation so far.

    `metadata` is the backend's own JSON text. `started` holds the step numbers of tools that must not act twice and
    began under an earlier claim.
    """

    id: str
    agent: str
    token: int
    messages: list[dict[str, Any]]
    conversation_id: str | None
    priority: int
    deadline_ms: int | None
    claimed_at_ms: int
    enqueued_at_ms: int
    yields: int
    stream: bool = False
    metadata: str | None = None
    steps: tuple[Step, ...] = ()
    history: list[dict[str, Any]] = field(default_factory=list)
    started: frozenset[int] = frozenset()


class LostClaim(Exception):
    """The job is no longer ours: it was rescued, cancelled or finished elsewhere. Write nothing more of it."""
