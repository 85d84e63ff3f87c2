"""One wake-up, start to end: claim, run, store the ending."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from shared.clock import Clock
from watchkeeper.contract import wake_score
from watchkeeper.states import JobState
from workers.agent.loop import AgentLoop, Cancelled, Completed, Ending, Failed, Outage
from workers.agent.transcript import Transcript
from workers.announcer import Announcer
from workers.journal.notes import CountEvents
from workers.journal.operations import Claim, Finish, GiveBack, RecordSteps, Wake
from workers.journal.records import ClaimedJob, LostClaim
from workers.journal.writer import JournalWriter
from workers.lease import Fenced
from workers.outage import Park, plan_outage

log = structlog.get_logger()

_SURPRISES: Final = 3  # an error of our own gives the job back this often before it is dead-lettered


class JobRunner:
    """Runs the jobs of this process. Give it `loop` before the first wake-up."""

    def __init__(
        self,
        *,
        writer: JournalWriter,
        announcer: Announcer,
        incarnation: str,
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._announcer = announcer
        self._incarnation = incarnation
        self._clock = clock
        self._jitter = jitter
        self._active: dict[str, asyncio.Task[None]] = {}
        self._abandoned = False
        self.loop: AgentLoop | None = None

    @property
    def running(self) -> int:
        """Jobs in our hands."""
        return len(self._active)

    async def run(self, job_id: str) -> None:
        """Run the job if it is still to be had; a wake-up that comes twice or too late ends at once."""
        task = asyncio.current_task()
        if job_id in self._active or task is None:
            return
        self._active[job_id] = task
        try:
            job = await self._writer.do(Claim(job_id, self._incarnation))
            if job is not None:
                await self._run_claimed(job)
        finally:
            del self._active[job_id]

    def abandon(self) -> None:
        """Stop everything without writing: the jobs are with others."""
        self._abandoned = True
        for task in self._active.values():
            task.cancel()

    async def hand_back(self, seconds: float) -> None:
        """End what runs at its last finished step and give it to another worker.

        What could not be stored within `seconds` (SQL is away) the rescuer returns later.
        """
        tasks = list(self._active.values())
        for task in tasks:
            task.cancel()
        if tasks:
            _, unstored = await asyncio.wait(tasks, timeout=seconds)
            if unstored:
                log.error(
                    "worker.hand_back_failed", jobs=len(unstored), advice="the rescuer returns them once SQL is back"
                )

    async def record(self, job: ClaimedJob, transcript: Transcript) -> bool:
        """Store what the transcript has finished. True = a cancel was asked for."""
        steps, attempts = transcript.unwritten()
        return await self._writer.do(RecordSteps(job, steps, attempts))

    async def _run_claimed(self, job: ClaimedJob) -> None:
        begun = self._clock.monotonic()
        transcript = Transcript(job.steps)
        with structlog.contextvars.bound_contextvars(job=job.id, agent=job.agent):
            log.debug("job.claimed", token=job.token, replayed_steps=len(job.steps))
            try:
                ending = await self._run_to_deadline(job, transcript)
                await self._store(job, ending, transcript)
            except LostClaim:
                log.warning(
                    "job.claim_lost", advice="another worker has it, or it was cancelled; nothing was written"
                )
            except Fenced:
                log.warning("job.abandoned", advice="this worker was given up; another one goes on with the job")
            except asyncio.CancelledError:
                if self._abandoned:
                    raise
                await self._release(job, transcript)
            except Exception as error:
                log.exception("job.surprise")
                await self._surprised(job, transcript, error)
            else:
                log.info(
                    "job.ended",
                    ending=type(ending).__name__.lower(),
                    steps=transcript.done,
                    ms=round((self._clock.monotonic() - begun) * 1000),
                )

    async def _run_to_deadline(self, job: ClaimedJob, transcript: Transcript) -> Ending:
        assert self.loop is not None  # noqa: S101 - the composition root sets it before the worker starts
        if job.deadline_ms is None:
            return await self.loop.run(job, transcript)
        try:
            async with asyncio.timeout(max(0.0, (job.deadline_ms - self._clock.now_ms()) / 1000)):
                return await self.loop.run(job, transcript)
        except TimeoutError:
            return Failed("deadline", "the job's deadline passed while it ran")

    async def _store(self, job: ClaimedJob, ending: Ending, transcript: Transcript) -> None:
        match ending:
            case Completed(result):
                await self._finish(job, transcript, JobState.COMPLETED, result=result)
            case Failed(cause, message):
                await self._finish(job, transcript, JobState.FAILED, cause=cause, message=message)
            case Cancelled():
                await self._finish(
                    job, transcript, JobState.CANCELLED, cause="cancelled", message="cancelled while it ran"
                )
            case Outage():
                await self._give_way(job, ending, transcript)

    async def _give_way(self, job: ClaimedJob, outage: Outage, transcript: Transcript) -> None:
        decided = plan_outage(job, outage, now_ms=self._clock.now_ms(), jitter=self._jitter())
        if isinstance(decided, Failed):
            await self._finish(job, transcript, JobState.FAILED, cause=decided.cause, message=decided.message)
            return
        parks = isinstance(decided, Park)
        state, event = (JobState.PARKED, "parked") if parks else (JobState.WAITING, "yielded")
        if await self._give_back(job, transcript, state, decided.run_after_ms, event, decided.why, yielded=not parks):
            log.warning(f"job.{event}", run_after_ms=decided.run_after_ms, why=decided.why)

    async def _finish(
        self,
        job: ClaimedJob,
        transcript: Transcript,
        state: JobState,
        *,
        result: dict[str, object] | None = None,
        cause: str | None = None,
        message: str | None = None,
    ) -> None:
        steps, attempts = transcript.unwritten()
        next_one = await self._writer.do(
            Finish(job, state, max(transcript.done, len(job.steps)), steps, attempts, result, cause, message)
        )
        self._announcer.done(job.id)
        if next_one is not None:
            self._announcer.wake(next_one)

    async def _give_back(
        self,
        job: ClaimedJob,
        transcript: Transcript,
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
            self._announcer.done(job.id)
        return not cancelled

    async def _release(self, job: ClaimedJob, transcript: Transcript) -> None:
        why = "its worker was stopped"
        try:
            if await self._give_back(job, transcript, JobState.QUEUED, None, "released", why, yielded=False):
                log.info("job.released", steps=transcript.done)
                self._announcer.wake(Wake(job.id, wake_score(job.priority, job.enqueued_at_ms)))
        except LostClaim:
            log.info("job.claim_lost")

    async def _surprised(self, job: ClaimedJob, transcript: Transcript, error: Exception) -> None:
        why = f"{type(error).__name__} inside the worker, not the job's fault: see the log event job.surprise"
        try:
            before = await self._writer.do(CountEvents(job.id, "surprise"))
            if before < _SURPRISES:
                later = self._clock.now_ms() + 10_000 * (before + 1)
                await self._give_back(
                    job, transcript, JobState.WAITING, later, "surprise", f"{why} (time {before + 1})", yielded=False
                )
            else:
                await self._finish(job, transcript, JobState.DEAD, cause="internal_error", message=why)
        except LostClaim:
            log.info("job.claim_lost")
