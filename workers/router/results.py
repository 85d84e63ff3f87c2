"""How one attempt ended, and its row for the journal."""

from dataclasses import dataclass
from typing import Final

from shared.classification import Failure, Verdict
from workers.journal.records import Attempt
from workers.llm.reply import Reply
from workers.router.calls import Call
from workers.router.routes import Candidate

_CUT: Final = "cancelled"
_CUT_DETAIL: Final = "cut off by its worker: the job was cancelled, handed back, or out of time"


@dataclass(frozen=True, slots=True)
class Served:
    """The provider answered; `cost_usd` None = unknown."""

    reply: Reply
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not.

    Attributes:
        detail: the provider's words without credentials.
        cut_short: it ran out of the job's time, not of the agent's: that says nothing about the provider.
        heard: part of a reply had been told already.
    """

    verdict: Verdict
    detail: str
    cut_short: bool
    heard: bool = False


def row(
    call: Call,
    candidate: Candidate,
    generation: int,
    outcome: Served | Failed | None,
    failure: Failure | None,
    started_at: int,
    duration_ms: int,
) -> Attempt:
    """The attempt for the journal; `outcome` None: it was cut off. Times are milliseconds."""
    reply = outcome.reply if isinstance(outcome, Served) else None
    return Attempt(
        step=call.step,
        provider=candidate.provider.name,
        model=candidate.model.id,
        key_label=candidate.label,
        key_mask=candidate.key.mask if candidate.key else "",
        key_fingerprint=candidate.key.fingerprint if candidate.key else "",
        generation=generation,
        cause=outcome.verdict.cause.value if isinstance(outcome, Failed) else None if outcome else _CUT,
        status=failure.status if failure else 200 if outcome else None,
        detail=outcome.detail if isinstance(outcome, Failed) else None if outcome else _CUT_DETAIL,
        started_at=started_at,
        duration_ms=duration_ms,
        input_tokens=reply.input_tokens if reply else None,
        output_tokens=reply.output_tokens if reply else None,
        cost_usd=outcome.cost_usd if isinstance(outcome, Served) else None,
    )
