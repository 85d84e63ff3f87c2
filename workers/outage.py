"""What a job does when nobody can serve it: a pure decision."""

from dataclasses import dataclass
from typing import Final

from shared.clock import moment
from workers.agent.endings import Failed, Outage
from workers.journal.records import ClaimedJob

_RECHECK_MS: Final = 300_000  # a publish and a released key make parked jobs due at once; this is the safety net
_LONGEST_BACKOFF_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again at a time (ms)."""

    run_after_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class Park:
    """Wait for the configuration or a person; looked at again at a time (ms)."""

    run_after_ms: int
    why: str


def plan_outage(job: ClaimedJob, outage: Outage, *, now_ms: int, jitter: float) -> Wait | Park | Failed:
    """Wait, park or fail, by the agent's policy and the job's deadline.

    Args:
        jitter: 0 to 1; spreads jobs that all wait for the same key.
    """
    why = f"{outage.cause}: {'; '.join(outage.reasons) or 'no model of the agent has a key'}"[:2000]
    if outage.policy == "fail":
        return Failed(outage.cause, f"nobody could serve the job ({why}). {_honest(outage.returns_at_ms)}")
    decided: Wait | Park
    if outage.returns_at_ms is not None:
        decided = Wait(max(outage.returns_at_ms, now_ms) + round(1000 * jitter) + 50, why)
    elif outage.cause == "no_candidate":
        decided = Park(now_ms + round(_RECHECK_MS * (1 + 0.2 * jitter)), why)
    else:
        backoff = min(1000 * 2**job.yields, _LONGEST_BACKOFF_MS)
        decided = Wait(now_ms + round(backoff * (1 + jitter)), why)
    if job.deadline_ms is not None and decided.run_after_ms >= job.deadline_ms:
        return Failed(
            outage.cause, f"nobody can serve the job before its deadline ({why}). {_honest(outage.returns_at_ms)}"
        )
    return decided


def _honest(returns_at_ms: int | None) -> str:
    if returns_at_ms is None:
        return "Nobody knows yet when it can be served: see `watchkeeper keys ls`."
    return f"Try again at {moment(returns_at_ms):%Y-%m-%d %H:%M:%S} UTC."
