"""Reading a job's story: carries out what the narrator asks for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from watchkeeper.contract import STREAM
from watchkeeper.entries import READING, Entry, asked, entries_in
from watchkeeper.events import Event
from watchkeeper.narrator import Narrator
from watchkeeper.questions import Look, NoStream, Read
from watchkeeper.story_rows import Found
from watchkeeper.waiting import Ear, Pauses, hear, log_unread


def reading_redis(redis_url: str) -> Redis:
    """A client for `StoryReader`; it connects on first use."""
    return Redis.from_pool(ConnectionPool.from_url(redis_url, retry=Retry(NoBackoff(), 0), **READING))


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
        wait_s = self._pause(listening=True) if wish.wait else None
        try:
            entries = entries_in(self._streams.xread(**asked(self._job_id, wish.after, wait_s)))
            return entries if entries or self._streams.exists(STREAM + self._job_id) else NoStream.GONE
        except RedisError as error:
            log_unread(error)
            return NoStream.AWAY

    def _pause(self, *, listening: bool) -> float:
        pause = self._pauses.next(listening=listening)
        if pause is None:
            raise self._late()
        return pause
