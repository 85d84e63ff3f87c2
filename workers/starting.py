"""Whether this process may begin something new: an LLM call, a tool."""

from dataclasses import dataclass

from workers.journal.database import Database
from workers.journal.operations import Operation
from workers.journal.statements import Statements
from workers.journal.writer import JournalWriter
from workers.lease import Lease


class Nothing(Operation[None]):
    """Writes nothing; it is done once SQL has committed what stood before it."""

    def apply(self, database: Database, statements: Statements) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Starting:
    """Open while others believe this worker alive, and what comes of a call can be stored."""

    lease: Lease
    writer: JournalWriter

    @property
    def open(self) -> bool:
        """May something begin in this very moment? A process that was stopped finds it closed when it goes on."""
        return self.lease.valid and not self.writer.stalled

    async def wait(self) -> None:
        """Return once something new may begin.

        Raises:
            Fenced: others have our jobs; stop.
        """
        await self.lease.may_start()
        while self.writer.stalled:
            await self.writer.do(Nothing())
            await self.lease.may_start()
