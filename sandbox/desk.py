"""Takes in each provider request: finds its key, its step of the plan, and writes it down."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from sandbox.answers.book import MISSING_KEY, Answer, AnswerBook, Quoted
from sandbox.behaviours import BEGUN_RIGHT, Behaviour
from sandbox.conversation import Ask, Reply, reply_to
from sandbox.ledger import Entry, Ledger
from sandbox.plan import Step
from sandbox.playbook import Playbook
from sandbox.wire.contract import Stamp, Wire

_REQUEST_ID_HEADER = {"anthropic": "request-id"}


@dataclass(frozen=True, slots=True)
class Clock:
    """Both clocks: micro- and milliseconds since 1970, and milliseconds that never go back."""

    epoch_us: Callable[[], int]
    monotonic_ms: Callable[[], int]

    def epoch_ms(self) -> int:
        return self.epoch_us() // 1000


@dataclass(frozen=True, slots=True)
class Visit:
    """One request that was let in: whose it is, what it meets, and what makes its answer unique."""

    wire: Wire
    key: str
    model: str
    step: Step
    stamp: Stamp
    request_id: str
    at_ms: int

    @property
    def outcome(self) -> str:
        """The name of what is served: a behaviour, or the refusal of a request without a key."""
        return self.step.behaviour.value if self.key else MISSING_KEY

    @property
    def answered(self) -> bool:
        """True when a right answer at least begins."""
        return bool(self.key) and self.step.behaviour in BEGUN_RIGHT

    @property
    def headers(self) -> dict[str, str]:
        """Headers that every answer to this request carries."""
        return {_REQUEST_ID_HEADER.get(self.wire.name, "x-request-id"): self.request_id}


@dataclass(frozen=True, slots=True)
class Desk:
    """`run` (10 characters) sets the ids of one life of the server apart from those of another.

    `reply` is the scripted model.
    """

    playbook: Playbook
    ledger: Ledger
    answers: AnswerBook
    clock: Clock
    run: str
    reply: Callable[[Ask], Reply] = reply_to

    def admit(
        self,
        request: web.Request,
        wire: Wire,
        *,
        model: str | None,
        stream: bool = False,
        messages: int = 0,
        mark: str | None = None,
        sound: bool = True,
    ) -> Visit:
        """Writes the request down; `model` None means it lists models. Unsound ones meet `bad_request`."""
        number = self.ledger.next_number()
        serial = f"{self.run}{number:012d}"
        key = wire.key(request.headers, request.query if request.query_string else {})
        if not key:
            step = Step()
        elif sound:
            step = self.playbook.next_step(key, model, listing=model is None)
        else:
            step = Step(Behaviour.BAD_REQUEST)
        visit = Visit(
            wire=wire,
            key=key,
            model=model or "",
            step=step,
            stamp=Stamp(serial, self.clock.epoch_ms() // 1000),
            request_id=f"req_011{serial}",
            at_ms=self.clock.epoch_ms(),
        )
        self.ledger.add(
            Entry(
                n=number,
                at_ms=visit.at_ms,
                monotonic_ms=self.clock.monotonic_ms(),
                wire=wire.name,
                path=sys.intern(request.path),  # few values, many entries: keep one copy of each
                key=sys.intern(key),
                model=sys.intern(model) if model is not None else None,
                stream=stream,
                behaviour=visit.outcome,
                request_id=visit.request_id,
                messages=messages,
                mark=mark,
            )
        )
        return visit

    def error_event(self, visit: Visit) -> bytes:
        """The event with which this wire format tells of an error in the middle of a stream."""
        quoted = Quoted(visit.key, visit.model, visit.request_id, visit.at_ms, None)
        told = self.answers.answer(visit.wire.name, Behaviour.ERROR_IN_200, quoted, stream=True).body
        return told.rstrip().split(b"\n\n")[-1] + b"\n\n"

    def refusal(self, visit: Visit, *, stream: bool) -> Answer:
        """What the provider, or the CDN before it, says to this request instead of an answer."""
        if page := self.answers.page(visit.step.behaviour):
            return page
        quoted = Quoted(visit.key, visit.model, visit.request_id, visit.at_ms, visit.step.retry_after_seconds)
        return self.answers.answer(visit.wire.name, visit.outcome, quoted, stream=stream)
