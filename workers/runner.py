"""One wake-up, start to end: claim, run, have the ending stored."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from shared.clock import Clock
from workers.agent.endings import Cancelled, Ending, Failed
from workers.agent.loop import AgentLoop
from workers.agent.transcript import Transcript
from workers.announcer import Announcer
from workers.journal.claiming import Claim
from workers.journal.notes import CancelsAsked
from workers.journal.operations import StartTool
from workers.journal.records import ClaimedJob, LostClaim
from workers.journal.writer import JournalWriter
from workers.lease import Fenced
from workers.storing import Storing
from workers.telling.publisher import Publisher
from workers.telling.teller import Teller

log = structlog.get_logger()


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
        self._publisher = publisher
        self._storing = Storing(writer=writer, announcer=announcer, clock=clock, jitter=jitter)
        self._incarnation = incarnation
        self._clock = clock
        self._alone = alone
        self._time_told = time_told
        self._held: dict[str, _Held] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._abandoned = False
        self.loop: AgentLoop | None = None

    @property
    def running(self) -> int:
        """Jobs in our hands."""
        return len(self._held)

    @property
    def done(self) -> int:
        """Endings stored."""
        return self._storing.done

    @property
    def useful(self) -> bool:
        """Something of a job was stored: starting this process was worth it."""
        return self._storing.stored > 0

    def holds(self, job_id: str) -> bool:
        """Whether the job is in our hands, or its claim on the way."""
        return job_id in self._held

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
                await self._run_claimed(job, held, self._publisher.teller(job))
        except asyncio.CancelledError:
            if held.job is not None:
                raise
            log.info("job.unclaimed", job=job_id, why="this worker ends before its claim was stored")
        finally:
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
        return await self._storing.record(job, transcript)

    async def start_tool(self, job: ClaimedJob, number: int, tool: str) -> None:
        """Store that the tool of step `number`, which must not act twice, begins."""
        await self._writer.do(StartTool(job, number, tool))

    async def goes_back(self, job: ClaimedJob) -> bool:
        """Whether a turn alone was enough. The second time it was not: its neighbours are to suffer no third time."""
        return await self._storing.events(job, "cleared") == 0

    async def _run_claimed(self, job: ClaimedJob, held: _Held, teller: Teller) -> None:
        begun = self._clock.monotonic()
        transcript = Transcript(job.steps)
        with structlog.contextvars.bound_contextvars(job=job.id, agent=job.agent):
            log.debug("job.claimed", token=job.token, replayed_steps=len(job.steps))
            try:
                ending = await self._run_until_told(job, held, transcript, teller)
                held.storing = True
                if ending is None:
                    await self._storing.release(job, transcript, teller)
                    return
                await self._storing.end(job, ending, transcript, teller)
            except LostClaim:
                log.warning(
                    "job.claim_lost", advice="another worker has it, or it was cancelled; nothing was written"
                )
            except Fenced:
                log.warning("job.abandoned", advice="this worker was given up; another one goes on with the job")
            except Exception as error:
                held.storing = True
                log.exception("job.surprise")
                await self._storing.surprised(job, transcript, teller, error)
            else:
                log.info(
                    "job.ended",
                    ending=type(ending).__name__.lower(),
                    steps=transcript.done,
                    ms=round((self._clock.monotonic() - begun) * 1000),
                )

    async def _run_until_told(
        self, job: ClaimedJob, held: _Held, transcript: Transcript, teller: Teller
    ) -> Ending | None:
        """How it ends; None: this process ends, another one is to go on."""
        try:
            return await self._run_to_deadline(job, transcript, teller)
        except asyncio.CancelledError:
            if self._abandoned:
                raise
            held.task.uncancel()
            return Cancelled() if held.cancelled else None

    async def _run_to_deadline(self, job: ClaimedJob, transcript: Transcript, teller: Teller) -> Ending:
        assert self.loop is not None  # noqa: S101 - the composition root sets it before the worker starts
        if job.deadline_ms is None:
            return await self.loop.run(job, transcript, teller)
        try:
            async with asyncio.timeout(max(0.0, (job.deadline_ms - self._clock.now_ms()) / 1000)):
                return await self.loop.run(job, transcript, teller)
        except TimeoutError:
            return Failed("deadline", "the job's deadline passed while it ran")
