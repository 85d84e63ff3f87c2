"""Telling a job's story from its stream and from SQL, so that it always ends whole. Pure: it asks, others look."""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, TypeAlias

from watchkeeper.entries import Entry
from watchkeeper.events import Event, EventKind
from watchkeeper.states import JobState
from watchkeeper.story_place import place_id, place_of
from watchkeeper.story_rows import LLM, FinishedStep, Found

START: Final = "0-0"
_BEGIN_ANEW: Final = "what was told before cannot be continued: the story begins anew"
_WHOLE: Final = "it was told in part; now it is told whole"


@dataclass(frozen=True, slots=True)
class Look:
    """Asks for the row and all finished steps but `known` (None: none); the answer is `Found`."""

    known: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Read:
    """Asks for entries behind `after`, waiting for one if told so; the answer is a list of `Entry`, or `NoStream`."""

    after: str
    wait: bool


@dataclass(frozen=True, slots=True)
class Rest:
    """Asks to wait until the job may have gone on."""


class NoStream(Enum):
    """Why there are no entries to read."""

    GONE = auto()  # Redis answers, and there is no such stream
    AWAY = auto()  # Redis does not answer


Telling: TypeAlias = Generator[Event | Look | Read | Rest, Any, None]
"""Yields events to tell, and questions whose answers are sent in."""


class _Verdict(Enum):
    TELL = auto()
    SKIP = auto()
    LEAVE = auto()  # the stream has no more to say, or cannot be trusted: SQL goes on


class Narrator:
    """One reader's way through one story; `tell` is used once."""

    def __init__(self, after: str | None) -> None:
        place = None if after is None else place_of(after)
        self._seek = after if place is None else None
        self._finished, self._begun = place or (set(), set())
        # Told from SQL before the stream, read from its beginning, comes to their ends: until then an entry's id
        # would not tell a later reader how far this one came.
        self._ahead = set(self._finished)
        self._at = START
        self._claim = self._number = 0
        self._end_id: str | None = None

    def tell(self) -> Telling:
        """From `after` to `ended`."""
        found: Found = yield Look(None)
        if found.stream:
            yield from self._tell_stream(over=found.state.final)
        yield from self._tell_sql()

    def _tell_stream(self, *, over: bool) -> Telling:
        if self._seek is not None:
            yield from self._catch_up(self._seek)
        while True:
            entries: Sequence[Entry] | NoStream = yield Read(self._at, wait=not over)
            if entries is NoStream.AWAY or (entries is NoStream.GONE and self._at != START):
                return
            if isinstance(entries, NoStream) or not entries:
                if over:
                    return
                found: Found = yield Look(None)
                over = found.state.final
                if entries is NoStream.GONE and found.steps:  # it vanished before we came
                    return
                continue
            if self._at == START:  # the stream tells it from the beginning
                yield from self._resets(_WHOLE)
            for entry in entries:
                for step in (yield from self._missed(entry)):
                    yield from self._tell_step(step)
                verdict = self._take(entry)
                if verdict is _Verdict.LEAVE:
                    return
                if verdict is _Verdict.TELL and entry.kind is not None:
                    yield Event(self._place() if self._ahead else entry.id, entry.kind, entry.step, entry.data)

    def _catch_up(self, seek: str) -> Telling:
        """Read silently up to the event `seek`; when the stream has none, begin anew."""
        while (entries := (yield Read(self._at, wait=False))) and not isinstance(entries, NoStream):
            for entry in entries:
                for step in (yield from self._missed(entry)):  # they were told then
                    self._begun.discard(step.number)
                    self._finished.add(step.number)
                verdict = self._take(entry)
                if entry.id == seek:  # `ended`, too, was not taken: a story always ends with it, also a second time
                    self._seek = None
                    return
                if verdict is _Verdict.LEAVE:
                    yield self._begin_anew()
                    return
        yield self._begin_anew()

    def _take(self, entry: Entry) -> _Verdict:
        """Keep account of an entry."""
        if entry.claim < self._claim:  # a zombie's
            return _Verdict.SKIP
        if entry.number != (self._number + 1 if entry.claim == self._claim else 1):  # a gap
            return _Verdict.LEAVE
        self._claim, self._number = entry.claim, entry.number
        if entry.kind is EventKind.ENDED:
            self._end_id = entry.id
            return _Verdict.LEAVE
        self._at = entry.id
        step = entry.step
        if entry.kind is EventKind.STEP_FINISHED and step is not None:
            self._ahead.discard(step)
        if entry.kind is None or step in self._finished:  # a newer worker's words; told already
            return _Verdict.SKIP
        if step is None:
            return _Verdict.TELL
        if entry.kind in (EventKind.STEP_STARTED, EventKind.TOKEN):
            self._begun.add(step)
        else:
            self._begun.discard(step)
        if entry.kind is EventKind.STEP_FINISHED:
            self._finished.add(step)
        return _Verdict.TELL

    def _missed(self, entry: Entry) -> Generator[Look, Found, list[FinishedStep]]:
        """A dead worker may have taken what it said last with it: what was finished, untold, before a new claim."""
        if not 0 < self._claim < entry.claim:
            return []
        found = yield Look(frozenset(self._finished))
        return [step for step in found.journal if step.claim < entry.claim]

    def _tell_sql(self) -> Telling:
        if self._seek is not None:
            yield self._begin_anew()
        told = None
        while True:
            found: Found = yield Look(frozenset(self._finished))
            for step in found.journal:
                yield from self._tell_step(step)
            if found.state.final:
                if found.state is JobState.COMPLETED:
                    yield from self._resets("it is not part of the job")
                yield Event(
                    (not self._ahead and self._end_id) or self._place(), EventKind.ENDED, None, _ending(found)
                )
                return
            rests = found.state in (JobState.WAITING, JobState.PARKED)
            if rests and told != (found.state, found.run_after_ms):
                told = (found.state, found.run_after_ms)
                why = "no key can serve it" if found.state is JobState.PARKED else "its time has not come"
                data = {"state": found.state.value, "why": why, "run_after_ms": found.run_after_ms}
                yield Event(self._place(), EventKind.WAITING, None, data)
            yield Rest()

    def _tell_step(self, step: FinishedStep) -> Telling:
        if step.number in self._begun:
            yield self._reset(step.number, _WHOLE)
        self._begun.add(step.number)
        yield Event(self._place(), EventKind.STEP_STARTED, step.number, step.started)
        if step.kind == LLM and step.text:
            yield Event(self._place(), EventKind.TOKEN, step.number, {"text": step.text})
        self._begun.discard(step.number)
        self._finished.add(step.number)
        yield Event(self._place(), EventKind.STEP_FINISHED, step.number, step.finished)

    def _resets(self, why: str) -> Iterable[Event]:
        for number in sorted(self._begun):
            yield self._reset(number, why)

    def _reset(self, number: int, why: str) -> Event:
        self._begun.discard(number)
        return Event(self._place(), EventKind.STEP_RESET, number, {"why": why})

    def _begin_anew(self) -> Event:
        self._seek = None
        self._finished, self._begun, self._ahead = set(), set(), set()
        self._at = START
        self._claim = self._number = 0
        self._end_id = None
        return Event(self._place(), EventKind.STEP_RESET, None, {"why": _BEGIN_ANEW})

    def _place(self) -> str:
        return place_id(self._finished, self._begun)


def _ending(found: Found) -> dict[str, Any]:
    return {
        "state": found.state.value,
        "text": (found.result or {}).get("text") or "",
        "error_cause": found.error_cause,
        "error_message": found.error_message,
        "steps": found.steps,
        "result": found.result,
    }
