"""One wake-up, start to end: claim, run, store the ending."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from shared.clock import Clock
from watchkeeper.contract import wake_score
from watchkeeper.states import JobState
from workers.agent.endings import Cancelled, Completed, Ending, Failed, Outage
from workers.agent.loop import AgentLoop
from workers.agent.transcript import Transcript
from workers.announcer import Announcer
from workers.journal.notes import CancelsAsked, CountEvents
from workers.journal.operations import Claim, Finish, GiveBack, RecordSteps, StartTool, Wake
from workers.journal.records import ClaimedJob, LostClaim
from workers.journal.writer import JournalWriter
from workers.lease import Fenced
from workers.outage import Park, plan_outage
from workers.telling.publisher import Publisher
from workers.telling.teller import Teller

log = structlog.get_logger()

_SURPRISES: Final = 3  # an error of our own gives the job back this often before it is dead-lettered


@dataclass(slots=True)
class _Held:
    """A job in our hands."""

    task: "asyncio.Task[None]"
    job: ClaimedJob | None = None  # None: its claim is on the way
    storing: bool = False  # how it ends is decided and being stored: not to be interrupted any more
    cancelled: bool = False


class JobRunner:
    """Runs the jobs of this process. Give it `loop` before the first wake-up.

    Args:
        alone: this process was started for one job, which may be one that crashed others.
        time_told: hears the database's time (ms) with each claim.
    """

    def __init__(
        self,
        *,
        writer: JournalWriter,
        announcer: Announcer,
        publisher: Publisher,
        incarnation: str,
        clock: Clock,
        jitter: Callable[[], float],
        alone: bool = False,
        time_told: Callable[[int], None] | None = None,
    ) -> None:
        self._writer = writer
        self._announcer = announcer
        self._publisher = publisher
        self._tellers: dict[str, Teller] = {}
        self._incarnation = incarnation
        self._clock = clock
        self._jitter = jitter
        self._alone = alone
        self._time_told = time_told
        self._held: dict[str, _Held] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._abandoned = False
        self.done = 0  # endings stored
        self.loop: AgentLoop | None = None

    @property
    def running(self) -> int:
        """Jobs in our hands."""
        return len(self._held)

    async def run(self, job_id: str) -> None:
        """Run the job if it is still to be had; a wake-up that comes twice or too late ends at once."""
        task = asyncio.current_task()
        if job_id in self._held or task is None:
            return
        held = self._held[job_id] = _Held(task)
        try:
            job = held.job = await self._writer.do(Claim(job_id, self._incarnation, self._alone))
            if job is not None:
                if self._time_told is not None:
                    self._time_told(job.claimed_at_ms)
                self._tellers[job_id] = self._publisher.teller(job)
                await self._run_claimed(job, held)
        finally:
            self._tellers.pop(job_id, None)
            del self._held[job_id]

    def cancel_if_asked(self, job_id: str | None = None) -> None:
        """Stop the job (None: each of ours) at once where it is, if SQL says that it is to be cancelled.

        Returns at once. A job whose ending is being stored keeps that ending: there is one.
        """
        if job_id is None and self._asking:
            return  # SQL is slow or away: do not pile up
        asked = tuple(self._held) if job_id is None else (job_id,) if job_id in self._held else ()
        if asked:
            task = asyncio.get_running_loop().create_task(self._cancel(asked))
            self._asking.add(task)
            task.add_done_callback(self._asked)

    def _asked(self, task: "asyncio.Task[None]") -> None:
        self._asking.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("job.cancel_unseen", error=str(task.exception()), advice="asked again within two seconds")

    async def _cancel(self, job_ids: tuple[str, ...]) -> None:
        # Behind a claim that is on its way: the writer keeps the order.
        for job_id, token in (await self._writer.do(CancelsAsked(self._incarnation, job_ids))).items():
            held = self._held.get(job_id)
            if held is None or held.job is None or held.job.token != token or held.storing or held.cancelled:
                continue
            held.cancelled = True
            held.task.cancel()

    def abandon(self) -> None:
        """Stop everything without writing: the jobs are with others."""
        self._abandoned = True
        for held in self._held.values():
            held.task.cancel()

    async def hand_back(self, seconds: float) -> None:
        """End what runs at its last finished step and give it to another worker.

        What could not be stored within `seconds` (SQL is away) the rescuer returns later.
        """
        tasks = [held.task for held in self._held.values()]
        for held in self._held.values():
            if not (held.storing or held.cancelled):
                held.task.cancel()
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

    async def start_tool(self, job: ClaimedJob, number: int, tool: str) -> None:
        """Store that the tool of step `number`, which must not act twice, begins."""
        await self._writer.do(StartTool(job, number, tool))

    async def _run_claimed(self, job: ClaimedJob, held: _Held) -> None:
        begun = self._clock.monotonic()
        transcript = Transcript(job.steps)
        with structlog.contextvars.bound_contextvars(job=job.id, agent=job.agent):
            log.debug("job.claimed", token=job.token, replayed_steps=len(job.steps))
            try:
                ending = await self._run_until_told(job, held, transcript)
                held.storing = True
                if ending is None:
                    await self._release(job, transcript)
                    return
                await self._store(job, ending, transcript)
            except LostClaim:
                log.warning(
                    "job.claim_lost", advice="another worker has it, or it was cancelled; nothing was written"
                )
            except Fenced:
                log.warning("job.abandoned", advice="this worker was given up; another one goes on with the job")
            except Exception as error:
                held.storing = True
                log.exception("job.surprise")
                await self._surprised(job, transcript, error)
            else:
                log.info(
                    "job.ended",
                    ending=type(ending).__name__.lower(),
                    steps=transcript.done,
                    ms=round((self._clock.monotonic() - begun) * 1000),
                )

    async def _run_until_told(self, job: ClaimedJob, held: _Held, transcript: Transcript) -> Ending | None:
        """How it ends; None: this process ends, another one is to go on."""
        try:
            return await self._run_to_deadline(job, transcript)
        except asyncio.CancelledError:
            if self._abandoned:
                raise
            held.task.uncancel()
            return Cancelled() if held.cancelled else None

    async def _run_to_deadline(self, job: ClaimedJob, transcript: Transcript) -> Ending:
        assert self.loop is not None  # noqa: S101 - the composition root sets it before the worker starts
        if job.deadline_ms is None:
            return await self.loop.run(job, transcript, self._tellers[job.id])
        try:
            async with asyncio.timeout(max(0.0, (job.deadline_ms - self._clock.now_ms()) / 1000)):
                return await self.loop.run(job, transcript, self._tellers[job.id])
        except TimeoutError:
            return Failed("deadline", "the job's deadline passed while it ran")

    async def _store(self, job: ClaimedJob, ending: Ending, transcript: Transcript) -> None:
        match ending:
            case Completed(result):
                await self._finish(job, transcript, JobState.COMPLETED, result=result)
            case Failed(cause, message, result):
                await self._finish(job, transcript, JobState.FAILED, result=result, cause=cause, message=message)
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
        self._tellers[job.id].ended(
            state,
            text=str(result.get("text") or "") if result else "",
            error_cause=cause,
            error_message=message,
            steps=max(transcript.done, len(job.steps)),
            result=result,
        )
        self.done += 1
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
            self._tellers[job.id].ended(JobState.CANCELLED, error_cause="cancelled", steps=transcript.done)
            self._announcer.done(job.id)
        else:
            self._tellers[job.id].waiting(state, why, run_after_ms)
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
