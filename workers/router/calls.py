"""What the router is asked, who hears the reply meanwhile, and how it may end: its words with the agent loop."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from workers.journal.records import Attempt
from workers.llm.reply import Reply
from workers.router.fitting import Fitting
from workers.router.routes import Candidate


@dataclass(slots=True)
class Call:
    """One LLM call of a job: what is asked, and the attempts it took so far (they belong into the journal)."""

    agent: str
    step: int
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    deadline_ms: int | None
    attempts: list[Attempt] = field(default_factory=list)
    listener: "Listener | None" = None
    fitting: Fitting | None = None


class Listener(Protocol):
    """Who hears the reply while it is made."""

    def text(self, piece: str) -> None:
        """The next piece."""

    def void(self, why: str) -> None:
        """What was heard so far is void: the attempt broke. Another one may follow, whose reply begins anew."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A model replied."""

    reply: Reply
    candidate: Candidate
    generation: int
    cost_usd: float | None
    trimmed_messages: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """The request itself is at fault: no other key is tried."""

    cause: str
    advice: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unserved:
    """Nobody could answer now. `returns_at_ms` None = nobody knows when; `cause` is the last real one."""

    cause: str
    reasons: tuple[str, ...]
    returns_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Gone:
    """The agent is no longer configured."""


Outcome = Answered | Refused | Unserved | Gone
