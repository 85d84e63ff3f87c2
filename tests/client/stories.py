"""A job that workers run, kill, and lose entries of: what its stream and its journal hold at each moment."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from watchkeeper.entries import Entry
from watchkeeper.events import Event, EventKind
from watchkeeper.narrator import Narrator
from watchkeeper.questions import Look, NoStream, Read
from watchkeeper.states import JobState
from watchkeeper.story_rows import FinishedStep, Found

KINDS = ("llm", "tool", "tool", "llm", "tool", "llm")
"""Of the steps 1 to 6; the two tools of the first turn run side by side."""

TURNS = ((1,), (2, 3), (4,), (5,), (6,))


@dataclass
class World:
    """Time goes on one happening at a time, whenever the reader asks something."""

    random: Random
    journal: dict[int, FinishedStep] = field(default_factory=dict)
    stream: list[Entry] | None = None
    state: JobState = JobState.RUNNING

    def __post_init__(self) -> None:
        self._future = self._happenings()

    def answer(self, wish: Look | Read | object) -> Any:
        """What a reader finds; meanwhile some more happens."""
        for _ in range(self.random.choice((0, 1, 1, 2, 5))):
            next(self._future, None)
        if isinstance(wish, Look):
            return self._found(wish.known)
        if not isinstance(wish, Read):
            return None
        if self.random.random() < 0.03:
            return NoStream.AWAY
        if self.stream is None:
            return NoStream.GONE
        return [entry for entry in self.stream if _order(entry.id) > _order(wish.after)][: self.random.choice((1, 9))]

    def _found(self, known: frozenset[int] | None) -> Found:
        steps = () if known is None else tuple(self.journal[n] for n in sorted(self.journal) if n not in known)
        result = {"text": self.journal[len(KINDS)].text} if self.state.final else None
        return Found(self.state, True, len(self.journal), None, None, None, result, steps)

    def _happenings(self) -> Iterator[None]:
        deaths = self.random.choice((0, 1, 1, 2, 4))
        for claim in range(1, deaths + 2):
            yield from self._claim(claim, dies=claim <= deaths)

    def _claim(self, claim: int, *, dies: bool) -> Iterator[None]:
        script = list(self._script(claim, first=claim == 1))
        lived = self.random.randrange(len(script)) if dies else len(script)
        untold = self.random.choice((0, 0, 1, 3)) if dies or self.random.random() < 0.3 else 0
        told = sum(isinstance(what, Event) for what in script[:lived]) - untold
        begins, whole, number = not self.journal, True, 0
        for what in script[:lived]:
            if self.random.random() < 0.02:
                self.stream = None
            if isinstance(what, FinishedStep):
                self.journal[what.number] = what
            elif isinstance(what, JobState):
                self.state = what
            elif number < told:
                number += 1
                if self.stream is None and not (begins and number == 1):
                    whole = False
                if whole:
                    self.stream = [
                        *(self.stream or ()),
                        Entry(f"{claim}-{number}", number, claim, what.kind, what.step, what.data),
                    ]
            yield

    def _script(self, claim: int, *, first: bool) -> Iterator[Event | FinishedStep | JobState]:
        again = "" if first else "any"
        for turn in TURNS:
            left = [number for number in turn if number not in self.journal]
            self.random.shuffle(left)
            for number in left:
                kind = KINDS[number - 1]
                if again in ("any", kind):
                    yield Event("", EventKind.STEP_RESET, number, {"why": "rescued"})
                again = kind if again and kind != "llm" else ""
                yield Event("", EventKind.STEP_STARTED, number, {"kind": kind})
            for number in left:
                kind = KINDS[number - 1]
                pieces = [f"step {number} ", "told by ", f"claim {claim}"]
                if kind == "llm":
                    for piece in pieces:
                        yield Event("", EventKind.TOKEN, number, {"text": piece})
                data = {"kind": kind, "text": "".join(pieces)}
                yield FinishedStep(number, kind, claim, "".join(pieces), {"kind": kind}, data)
                yield Event("", EventKind.STEP_FINISHED, number, data)
        yield JobState.COMPLETED
        yield Event("", EventKind.ENDED, None, {"text": "not what the row says"})


def read(world: World, after: str | None, leave_after: int | None = None) -> Sequence[Event]:
    """What a reader is told, until the end or until it leaves."""
    events: list[Event] = []
    telling, answer = Narrator(after).tell(), None
    while leave_after is None or len(events) < leave_after:
        try:
            wish = telling.send(answer)
        except StopIteration:
            break
        answer = None
        if isinstance(wish, Event):
            events.append(wish)
        else:
            answer = world.answer(wish)
    return events


def _order(entry_id: str) -> tuple[int, ...]:
    return tuple(map(int, entry_id.split("-")))
