"""What exactly one candidate is asked: models of a chain differ in what they read and how they take a schema."""

from dataclasses import dataclass
from typing import Any, Protocol

from shared.config.snapshot import Agent
from workers.router.routes import Candidate


@dataclass(frozen=True, slots=True)
class Asked:
    """The request for one candidate.

    Attributes:
        parameters: what is said beside the agent's own parameters, e.g. `response_format`.
        trimmed: messages of the conversation that were left out or shortened for this model.
    """

    messages: list[dict[str, Any]]
    parameters: dict[str, Any]
    trimmed: int = 0


@dataclass(frozen=True, slots=True)
class TooLong:
    """Nothing more may be left out, and it is still longer than the model reads. Both numbers are tokens."""

    needed: int
    limit: int


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Its tokens must be counted first: await `Fitting.count`, then look at everything anew."""


class Fitting(Protocol):
    """Makes the request fit a candidate."""

    def fit(self, candidate: Candidate, agent: Agent) -> Asked | TooLong | Uncounted:
        """Never waits and never takes long: between the choice of a candidate and its request nothing is awaited."""

    async def count(self) -> None:
        """Count what is not counted yet, away from the event loop."""
