"""A steady load of chaos jobs: as many unfinished ones as asked for, each with a name the provider's log shows."""

import threading
from dataclasses import dataclass, field

from sqlalchemy import func, select

from shared.db.reading import reading
from tests.chaos.world import World
from watchkeeper.contract import jobs
from watchkeeper.states import UNFINISHED

TOOLS = 6
STEPS = 2 * TOOLS + 1


@dataclass(slots=True)
class Load:
    """Keeps `unfinished` jobs in the system until `finish`; `accepted` maps job ids to their names."""

    world: World
    unfinished: int
    reply_seconds: float
    accepted: dict[str, str] = field(default_factory=dict)
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
            for _ in range(self.unfinished - self.left()):
                name = f"chaos-{len(self.accepted) + 1}"
                question = f"[[mark={name}]] [[tools={TOOLS}]] [[slow={self.reply_seconds}]] go"
                self.accepted[self.world.client.enqueue("default", question).id] = name
