"""Sends the stories of all jobs of this worker to Redis: one round trip at most every 40 ms, however many tokens."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import redis.asyncio
import structlog
from redis.exceptions import RedisError, ResponseError

from shared.clock import Clock
from watchkeeper.events import EventKind
from workers.journal.records import ClaimedJob
from workers.telling.story import Story
from workers.telling.teller import StreamTeller, Teller

log = structlog.get_logger()

_SPACING_SECONDS: Final = 0.04  # tokens wait at most this long for others to share their round trip
_PATIENCE_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.5
_ENOUGH_CHARACTERS: Final = 4_000_000  # kept while Redis is away, all jobs together
_KEPT_AFTER_END_SECONDS: Final = 600
_WRITTEN_BEFORE: Final = "equal or smaller"  # a repeated entry, or one of a claim that has been followed by another

_Batch = list[tuple[Story, tuple[str, ...]]]


class Publisher:
    """One per worker, used on its event loop. While Redis is away events wait; too many, and the story is given up:
    its stream is deleted, so that readers turn to SQL instead of missing a piece.
    """

    def __init__(self, *, client: "redis.asyncio.Redis", clock: Clock, keep_seconds: int) -> None:
        """`keep_seconds`: how long a stream outlives its last event; after `ended` 10 min at most."""
        self._client = client
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._silent = Teller()
        self._waiting: dict[Story, None] = {}
        self._batch: _Batch = []
        self._condemned: set[str] = set()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._sent_at = 0.0
        self._away = False

    @property
    def idle(self) -> bool:
        """Everything said so far is sent, or given up."""
        return self._task is None

    @property
    def away(self) -> bool:
        """True while Redis does not take what is said."""
        return self._away

    def teller(self, job: ClaimedJob) -> Teller:
        """The voice of a job just claimed."""
        if not job.stream:
            return self._silent
        story = Story(job.id, claim=job.token, begins=not job.steps)
        return StreamTeller(_Telling(self, story), first_claim=job.token == 1)

    def soon(self, story: Story, *, now: bool) -> None:
        """`story` has something to send: together with what others say, or at once."""
        self._waiting[story] = None
        if now:
            self._hurry.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send_all())

    async def close(self, *, seconds: float) -> None:
        """Send what waits; what Redis does not take within `seconds` stays untold."""
        self._hurry.set()
        if self._task is None:
            return
        _, unfinished = await asyncio.wait({self._task}, timeout=seconds)
        if unfinished:
            self._task.cancel()
            await asyncio.wait(unfinished, timeout=seconds)
            log.warning("stream.untold", jobs=len(self._waiting), advice="readers find the jobs' steps in SQL")

    async def _send_all(self) -> None:
        while self._waiting or self._batch or self._condemned:
            wait = _AGAIN_SECONDS if self._away else self._sent_at + _SPACING_SECONDS - self._clock.monotonic()
            if self._away:
                await asyncio.sleep(wait)
            elif wait > 0 and not self._hurry.is_set():
                await _first(self._hurry, wait)
            else:
                await asyncio.sleep(0)  # whoever tells something in this turn of the loop joins
            self._hurry.clear()
            await self._send()
        self._task = None

    async def _send(self) -> None:
        self._sent_at = self._clock.monotonic()
        if not self._batch:
            stories, self._waiting = self._waiting, {}
            self._batch = [(story, command) for story in stories for command in self._commands(story)]
        condemned = sorted(self._condemned)
        pipeline = self._client.pipeline(transaction=False)
        for _, command in self._batch:
            pipeline.execute_command(*command)
        if condemned:
            pipeline.delete(*condemned)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                replies = await pipeline.execute(raise_on_error=False)
            for reply in replies:
                if isinstance(reply, RedisError) and not isinstance(reply, ResponseError):
                    raise reply
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            self._failed(error)
            return
        self._condemned.difference_update(condemned)
        if self._away:
            self._away = False
            log.info("stream.redis_back", given_up=len(condemned))
        self._took(replies)

    def _commands(self, story: Story) -> list[tuple[str, ...]]:
        commands = story.commands()
        now = self._clock.monotonic()
        keep = min(self._keep_seconds, _KEPT_AFTER_END_SECONDS) if story.ended else self._keep_seconds
        # Counted anew now and then: with every batch it would double the commands.
        if commands and (story.ended or not story.expires_at or now - story.expires_at > keep / 20):
            story.expires_at = now
            commands.append(("EXPIRE", story.key, str(keep)))
        return commands

    def _took(self, replies: Sequence[Any]) -> None:
        batch, self._batch = self._batch, []
        vanished, refused, error = 0, 0, ""
        for (story, command), reply in zip(batch, replies, strict=False):
            if story.lost or command[0] != "XADD":
                continue
            if reply is None:  # wiped, expired or evicted in the middle
                story.lose()
                vanished += 1
            elif isinstance(reply, ResponseError) and _WRITTEN_BEFORE not in str(reply):
                story.lose()
                self._condemned.add(story.key)
                refused, error = refused + 1, str(reply)
        if vanished:
            log.info("stream.vanished", jobs=vanished, advice="Redis was wiped; readers go on with SQL")
        if refused:
            advice = "readers go on with SQL; is Redis out of memory, or may it not be written to?"
            log.warning("stream.refused", jobs=refused, error=error, advice=advice)

    def _failed(self, error: Exception) -> None:
        if not self._away:
            self._away = True
            words = str(error) or f"no answer within {_PATIENCE_SECONDS:g} s"
            log.warning("stream.redis_away", error=words, advice="jobs go on; their readers get the steps from SQL")
        held = sum(story.size for story in self._waiting) + sum(len(command[-1]) for _, command in self._batch)
        if held > _ENOUGH_CHARACTERS:
            for story in {**self._waiting, **{story: None for story, _ in self._batch}}:
                story.lose()
                self._condemned.add(story.key)
            self._waiting, self._batch = {}, []


class _Telling:
    """One job's voice: into its story, and the publisher is told."""

    __slots__ = ("_publisher", "_story")

    def __init__(self, publisher: Publisher, story: Story) -> None:
        self._publisher = publisher
        self._story = story

    def say(self, kind: EventKind, step: int | None, data: dict[str, Any]) -> None:
        if self._story.lost:
            return
        self._story.add(kind, step, data)
        self._publisher.soon(self._story, now=True)

    def say_text(self, step: int, text: str) -> None:
        if self._story.lost:
            return
        self._story.add_text(step, text)
        self._publisher.soon(self._story, now=False)


async def _first(event: asyncio.Event, seconds: float) -> None:
    """Until `event` is set, `seconds` at most."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
