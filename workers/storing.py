"""How a job leaves our hands: its ending or its return is stored, then told. One place, for all ways out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from shared.clock import Clock
from watchkeeper.contract import wake_score
from watchkeeper.states import JobState
from workers.agent.endings import Cancelled, Cleared, Completed, Ending, Failed, Outage
from workers.agent.transcript import Transcript
from workers.announcer import Announcer
from workers.journal.notes import CountEvents
from workers.journal.operations import Finish, GiveBack, RecordSteps, Wake
from workers.journal.records import ClaimedJob, LostClaim, Step
from workers.journal.writer import JournalWriter
from workers.outage import Park, plan_outage
from workers.telling.teller import Teller

log = structlog.get_logger()

_SURPRISES: Final = 3  # an error of our own gives the job back this often before it is dead-lettered


class Storing:
    """Writes under the job's fencing token. `done` counts the endings stored, `stored` also the steps before them."""

    def __init__(
        self, *, writer: JournalWriter, announcer: Announcer, clock: Clock, jitter: Callable[[], float]
    ) -> None:
        self._writer = writer
        self._announcer = announcer
        self._clock = clock
        self._jitter = jitter
        self.done = 0
        self.stored = 0

    async def record(self, job: ClaimedJob, transcript: Transcript) -> bool:
        """Store what the transcript has finished. True = a cancel was asked for."""
        steps, attempts = transcript.unwritten()
        with _kept(transcript, steps):
            cancelled = await self._writer.do(RecordSteps(job, steps, attempts))
        self.stored += 1
        return cancelled

    async def events(self, job: ClaimedJob, event: str) -> int:
        """How often the job's story has this turn, since it was last retried."""
        return await self._writer.do(CountEvents(job.id, event))

    async def end(self, job: ClaimedJob, ending: Ending, transcript: Transcript, teller: Teller) -> None:
        """Store how it ended; in an outage that may be a time to go on.

        Raises:
            LostClaim: the job is no longer ours; nothing was written.
        """
        match ending:
            case Completed(result):
                await self._finish(job, transcript, teller, JobState.COMPLETED, result=result)
            case Failed(cause, message, result):
                await self._finish(
                    job, transcript, teller, JobState.FAILED, result=result, cause=cause, message=message
                )
            case Cancelled():
                await self._finish(
                    job, transcript, teller, JobState.CANCELLED, cause="cancelled", message="cancelled while it ran"
                )
            case Outage():
                await self._give_way(job, ending, transcript, teller)
            case Cleared():
                why = "alone it finished what it was at when workers crashed"
                if await self._hand_on(job, transcript, teller, "cleared", why):
                    log.info("job.cleared", steps=transcript.done)

    async def release(self, job: ClaimedJob, transcript: Transcript, teller: Teller) -> None:
        """This process ends: another one goes on behind the last finished step.

        Raises:
            LostClaim: the job is no longer ours; nothing was written.
        """
        if await self._hand_on(job, transcript, teller, "released", "its worker was stopped"):
            log.info("job.released", steps=transcript.done)

    async def surprised(self, job: ClaimedJob, transcript: Transcript, teller: Teller, error: Exception) -> None:
        """An error of our own: later again, and after _SURPRISES no more."""
        why = f"{type(error).__name__} inside the worker, not the job's fault: see the log event job.surprise"
        try:
            before = await self.events(job, "surprise")
            if before < _SURPRISES:
                later = self._clock.now_ms() + 10_000 * (before + 1)
                why = f"{why} (time {before + 1})"
                await self._give_back(
                    job, transcript, teller, JobState.WAITING, later, "surprise", why, yielded=False
                )
            else:
                await self._finish(job, transcript, teller, JobState.DEAD, cause="internal_error", message=why)
        except LostClaim:
            log.info("job.claim_lost")

    async def _hand_on(self, job: ClaimedJob, transcript: Transcript, teller: Teller, event: str, why: str) -> bool:
        """Another worker may go on with it now; False when it was cancelled instead."""
        if not await self._give_back(job, transcript, teller, JobState.QUEUED, None, event, why, yielded=False):
            return False
        self._announcer.wake(Wake(job.id, wake_score(job.priority, job.enqueued_at_ms)))
        return True

    async def _give_way(self, job: ClaimedJob, outage: Outage, transcript: Transcript, teller: Teller) -> None:
        decided = plan_outage(job, outage, now_ms=self._clock.now_ms(), jitter=self._jitter())
        if isinstance(decided, Failed):
            await self._finish(job, transcript, teller, JobState.FAILED, cause=decided.cause, message=decided.message)
            return
        parks = isinstance(decided, Park)
        state, event = (JobState.PARKED, "parked") if parks else (JobState.WAITING, "yielded")
        if await self._give_back(
            job, transcript, teller, state, decided.run_after_ms, event, decided.why, yielded=not parks
        ):
            log.warning(f"job.{event}", run_after_ms=decided.run_after_ms, why=decided.why)

    async def _finish(
        self,
        job: ClaimedJob,
        transcript: Transcript,
        teller: Teller,
        state: JobState,
        *,
        result: dict[str, object] | None = None,
        cause: str | None = None,
        message: str | None = None,
    ) -> None:
        steps, attempts = transcript.unwritten()
        done = max(transcript.done, len(job.steps))
        with _kept(transcript, steps):
            next_one = await self._writer.do(Finish(job, state, done, steps, attempts, result, cause, message))
        teller.ended(
            state,
            text=str(result.get("text") or "") if result else "",
            error_cause=cause,
            error_message=message,
            steps=done,
            result=result,
        )
        self.done += 1
        self.stored += 1
        self._announcer.done(job.id)
        if next_one is not None:
            self._announcer.wake(next_one)

    async def _give_back(
        self,
        job: ClaimedJob,
        transcript: Transcript,
        teller: Teller,
        state: JobState,
        run_after_ms: int | None,
        event: str,
        why: str,
        *,
        yielded: bool,
    ) -> bool:
        """False when the job ended with that, because a cancel had been asked for."""
        if transcript.fresh:
            await self.record(job, transcript)  # what was paid for is kept
        _, attempts = transcript.unwritten()
        cancelled = await self._writer.do(GiveBack(job, state, run_after_ms, event, why, attempts, yielded))
        if cancelled:
            log.info("job.cancelled")
            teller.ended(JobState.CANCELLED, error_cause="cancelled", steps=transcript.done)
            self._announcer.done(job.id)
        else:
            teller.waiting(state, why, run_after_ms)
        return not cancelled


@contextmanager
def _kept(transcript: Transcript, steps: tuple[Step, ...]) -> Iterator[None]:
    """Steps are paid for: when SQL refuses something that goes with them, they are written with the next thing."""
    try:
        yield
    except LostClaim:
        raise
    except Exception:
        transcript.fresh[:0] = steps
        raise
