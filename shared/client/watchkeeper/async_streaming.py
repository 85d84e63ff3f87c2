"""`watchkeeper.streaming` for an event loop."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from watchkeeper.async_waiting import AsyncEar, async_hear
from watchkeeper.contract import STREAM
from watchkeeper.entries import READING, Entry, asked, entries_in
from watchkeeper.events import Event
from watchkeeper.narrator import Narrator
from watchkeeper.questions import Look, NoStream, Read
from watchkeeper.story_rows import Found
from watchkeeper.waiting import Pauses, log_unread


def async_reading_redis(redis_url: str) -> Redis:
    """A client for `AsyncStoryReader`; it connects on first use."""
    return Redis.from_pool(ConnectionPool.from_url(redis_url, retry=Retry(NoBackoff(), 0), **READING))


class AsyncStoryReader:
    """`StoryReader` as a coroutine."""

    def __init__(
        self,
        job_id: str,
        *,
        streams: Redis,
        listening: Redis,
        look: Callable[[str, frozenset[int] | None], Awaitable[Found]],
        pauses: Pauses,
        late: Callable[[], Awaitable[Exception]],
    ) -> None:
        self._job_id = job_id
        self._streams = streams
        self._listening = listening
        self._look = look
        self._pauses = pauses
        self._late = late

    async def events(self, after: str | None) -> AsyncGenerator[Event, None]:
        """The events behind `after`, `ended` last."""
        telling = Narrator(after).tell()
        async with AsyncExitStack() as stack:
            ear: AsyncEar | None = None
            answer: object = None
            while True:
                try:
                    wish = telling.send(answer)
                except StopIteration:
                    return
                answer = None
                if isinstance(wish, Event):
                    yield wish
                elif isinstance(wish, Look):
                    answer = await self._look(self._job_id, wish.known)
                elif isinstance(wish, Read):
                    answer = await self._read(wish)
                elif ear is None:  # first listen, then look again: what came in between is not missed
                    ear = await stack.enter_async_context(async_hear(self._listening, self._job_id))
                else:
                    await ear.wait(await self._pause(listening=ear.listening))

    async def _read(self, wish: Read) -> Sequence[Entry] | NoStream:
        wait_s = await self._pause(listening=True) if wish.wait else None
        try:
            entries = entries_in(await self._streams.xread(**asked(self._job_id, wish.after, wait_s)))
            return entries if entries or await self._streams.exists(STREAM + self._job_id) else NoStream.GONE
        except RedisError as error:
            log_unread(error)
            return NoStream.AWAY

    async def _pause(self, *, listening: bool) -> float:
        pause = self._pauses.next(listening=listening)
        if pause is None:
            raise await self._late()
        return pause
