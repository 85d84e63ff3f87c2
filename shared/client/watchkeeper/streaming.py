"""Reading a job's story: carries out what the narrator asks for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from watchkeeper.contract import STREAM
from watchkeeper.entries import BATCH, Entry, entries_in
from watchkeeper.events import Event
from watchkeeper.narrator import Look, Narrator, NoStream, Read
from watchkeeper.story_rows import Found
from watchkeeper.waiting import Ear, Pauses, hear, log_unread
from watchkeeper.wakeup import REDIS_TIMEOUT_S

MAX_READERS: Final = 256
"""Streams one client reads at the same time; more readers get their stories from SQL."""

READING_TIMEOUT_S: Final = 4.0
"""Longer than a read that waits for an entry (1.5 s at most)."""


def reading_redis(redis_url: str) -> Redis:
    """A client for `StoryReader`; it connects on first use."""
    pool = ConnectionPool.from_url(
        redis_url,
        max_connections=MAX_READERS,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        socket_timeout=READING_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


class StoryReader:
    """Tells one job's story once.

    `look` reads SQL, `late` makes the error for a story that did not end in the time of `pauses`.
    """

    def __init__(
        self,
        job_id: str,
        *,
        streams: Redis,
        listening: Redis,
        look: Callable[[str, frozenset[int] | None], Found],
        pauses: Pauses,
        late: Callable[[], Exception],
    ) -> None:
        self._job_id = job_id
        self._streams = streams
        self._listening = listening
        self._look = look
        self._pauses = pauses
        self._late = late

    def events(self, after: str | None) -> Iterator[Event]:
        """The events behind `after`, `ended` last."""
        telling = Narrator(after).tell()
        with ExitStack() as stack:
            ear: Ear | None = None
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
                    answer = self._look(self._job_id, wish.known)
                elif isinstance(wish, Read):
                    answer = self._read(wish)
                elif ear is None:  # first listen, then look again: what came in between is not missed
                    ear = stack.enter_context(hear(self._listening, self._job_id))
                else:
                    ear.wait(self._pause(listening=ear.listening))

    def _read(self, wish: Read) -> Sequence[Entry] | NoStream:
        key = STREAM + self._job_id
        block = max(1, round(self._pause(listening=True) * 1000)) if wish.wait else None
        try:
            entries = entries_in(self._streams.xread({key: wish.after}, count=BATCH, block=block))
            return entries if entries or self._streams.exists(key) else NoStream.GONE
        except RedisError as error:
            log_unread(error)
            return NoStream.AWAY

    def _pause(self, *, listening: bool) -> float:
        pause = self._pauses.next(listening=listening)
        if pause is None:
            raise self._late()
        return pause
