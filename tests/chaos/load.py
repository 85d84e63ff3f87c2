"""A steady load of chaos jobs: as many unfinished ones as asked for, each with a name the provider's log shows."""

import threading
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from shared.db.reading import reading
from tests.chaos.readers import STREAMED, Readers
from tests.chaos.world import World
from watchkeeper.contract import jobs
from watchkeeper.errors import StoreUnavailable
from watchkeeper.states import UNFINISHED

TOOLS = 6
STEPS = 2 * TOOLS + 1
_STREAMED_ONE_IN = 3


@dataclass(slots=True)
class Load:
    """Keeps `unfinished` jobs in the system until `finish`; `accepted` maps job ids to their names.

    With `readers`, every third is streamed and read.
    """

    world: World
    unfinished: int
    reply_seconds: float
    readers: Readers | None = None
    accepted: dict[str, str] = field(default_factory=dict)
    refused: int = 0  # the client said that it could not: such a job may exist all the same, nobody was promised it
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to enqueue."""
        self._thread = threading.Thread(target=self._feed, name="chaos-load", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Enqueue no more."""
        self._stop.set()
        assert self._thread is not None
        self._thread.join(30)

    def left(self) -> int:
        """Jobs without an end."""
        with reading(self.world.engine) as connection:
            return int(
                connection.execute(
                    select(func.count()).select_from(jobs).where(jobs.c.state.in_(UNFINISHED))
                ).scalar_one()
            )

    def _feed(self) -> None:
        while not self._stop.wait(0.05):
            try:
                for _ in range(self.unfinished - self.left()):
                    self._enqueue()
            except (StoreUnavailable, SQLAlchemyError):
                self.refused += 1

    def _enqueue(self) -> None:
        number = len(self.accepted) + self.refused + 1
        name = f"chaos-{number}"
        question = f"[[mark={name}]] [[tools={TOOLS}]] [[slow={self.reply_seconds}]] go"
        streamed = self.readers is not None and number % _STREAMED_ONE_IN == 0
        if streamed:
            question += f" {STREAMED}"
        job = self.world.client.enqueue("default", question, stream=streamed)
        self.accepted[job.id] = name
        if self.readers is not None and streamed:
            self.readers.read(job.id)
