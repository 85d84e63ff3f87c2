"""How far one reader has come in a job's story: what it was told, what may follow, and what to take back."""

from collections.abc import Iterator
from enum import Enum, auto
from typing import Any, Final

from watchkeeper.entries import Entry
from watchkeeper.events import Event, EventKind
from watchkeeper.states import JobState
from watchkeeper.story_place import place_id
from watchkeeper.story_rows import LLM, FinishedStep, Found

START: Final = "0-0"
_BEGIN_ANEW: Final = "what was told before cannot be continued: the story begins anew"
_WHOLE: Final = "it was told in part; now it is told whole"


class Verdict(Enum):
    """What becomes of an entry."""

    TELL = auto()
    SKIP = auto()
    LEAVE = auto()  # the stream has no more to say, or cannot be trusted: SQL goes on


class Told:
    """One reader's account. Every event is made here, so that its id says what was told up to it.

    `finished` and `begun`: the steps told whole and in part. `at`: the last entry taken, read on behind it.
    """

    def __init__(self, finished: set[int], begun: set[int]) -> None:
        self.finished, self._begun = finished, begun
        # Told from SQL before the stream, read from its beginning, comes to their ends: until then an entry's id
        # would not tell a later reader how far this one came.
        self._ahead = set(finished)
        self.at = START
        self._claim = self._number = 0
        self._end_id: str | None = None

    def take(self, entry: Entry) -> Verdict:
        """Keep account of an entry."""
        if entry.claim < self._claim:  # a zombie's
            return Verdict.SKIP
        if entry.number != (self._number + 1 if entry.claim == self._claim else 1):  # a gap
            return Verdict.LEAVE
        self._claim, self._number = entry.claim, entry.number
        if entry.kind is EventKind.ENDED:
            self._end_id = entry.id
            return Verdict.LEAVE
        self.at = entry.id
        step = entry.step
        if entry.kind is EventKind.STEP_FINISHED and step is not None:
            self._ahead.discard(step)
        if entry.kind is None or step in self.finished:  # a newer worker's words; told already
            return Verdict.SKIP
        if step is None:
            return Verdict.TELL
        if entry.kind in (EventKind.STEP_STARTED, EventKind.TOKEN):
            self._begun.add(step)
        else:
            self._begun.discard(step)
        if entry.kind is EventKind.STEP_FINISHED:
            self.finished.add(step)
        return Verdict.TELL

    def follows_a_death(self, entry: Entry) -> bool:
        """It is the first of a new claim: the dead worker may have taken what it said last with it."""
        return 0 < self._claim < entry.claim

    def was_told(self, step: FinishedStep) -> None:
        """Keep account of a step that this reader was told earlier."""
        self._begun.discard(step.number)
        self.finished.add(step.number)

    def entry_id(self, entry: Entry) -> str:
        """The id of an entry's event."""
        return self._place() if self._ahead else entry.id

    def step(self, step: FinishedStep) -> Iterator[Event]:
        """A step as SQL has it, whole."""
        if step.number in self._begun:
            yield self._reset(step.number, _WHOLE)
        self._begun.add(step.number)
        yield Event(self._place(), EventKind.STEP_STARTED, step.number, step.started)
        if step.kind == LLM and step.text:
            yield Event(self._place(), EventKind.TOKEN, step.number, {"text": step.text})
        self.was_told(step)
        yield Event(self._place(), EventKind.STEP_FINISHED, step.number, step.finished)

    def resets(self, why: str = _WHOLE) -> Iterator[Event]:
        """Take back what was told in part."""
        for number in sorted(self._begun):
            yield self._reset(number, why)

    def begin_anew(self) -> Event:
        """Take back everything."""
        self.finished, self._begun, self._ahead = set(), set(), set()
        self.at = START
        self._claim = self._number = 0
        self._end_id = None
        return Event(self._place(), EventKind.STEP_RESET, None, {"why": _BEGIN_ANEW})

    def waiting(self, found: Found) -> Event:
        """The job rests."""
        why = "no key can serve it" if found.state is JobState.PARKED else "its time has not come"
        data = {"state": found.state.value, "why": why, "run_after_ms": found.run_after_ms}
        return Event(self._place(), EventKind.WAITING, None, data)

    def ended(self, found: Found) -> Event:
        """The last event."""
        return Event((not self._ahead and self._end_id) or self._place(), EventKind.ENDED, None, _ending(found))

    def _reset(self, number: int, why: str) -> Event:
        self._begun.discard(number)
        return Event(self._place(), EventKind.STEP_RESET, number, {"why": why})

    def _place(self) -> str:
        return place_id(self.finished, self._begun)


def _ending(found: Found) -> dict[str, Any]:
    return {
        "state": found.state.value,
        "text": (found.result or {}).get("text") or "",
        "error_cause": found.error_cause,
        "error_message": found.error_message,
        "steps": found.steps,
        "result": found.result,
    }
