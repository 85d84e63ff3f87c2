"""Telling a job's story from its stream and from SQL, so that it always ends whole. Pure: it asks, others look."""

from collections.abc import Generator, Sequence

from watchkeeper.entries import Entry
from watchkeeper.events import Event
from watchkeeper.questions import Look, NoStream, Read, Rest, Telling
from watchkeeper.states import JobState
from watchkeeper.story_place import place_of
from watchkeeper.story_rows import FinishedStep, Found
from watchkeeper.told import START, Told, Verdict


class Narrator:
    """One reader's way through one story; `tell` is used once."""

    def __init__(self, after: str | None) -> None:
        place = None if after is None else place_of(after)
        self._seek = after if place is None else None
        self._told = Told(*(place or (set(), set())))

    def tell(self) -> Telling:
        """From `after` to `ended`."""
        found: Found = yield Look(None)
        if found.stream:
            yield from self._tell_stream(over=found.state.final)
        yield from self._tell_sql()

    def _tell_stream(self, *, over: bool) -> Telling:
        told = self._told
        if self._seek is not None:
            yield from self._catch_up(self._seek)
        while True:
            entries: Sequence[Entry] | NoStream = yield Read(told.at, wait=not over)
            if entries is NoStream.AWAY or (entries is NoStream.GONE and told.at != START):
                return
            if isinstance(entries, NoStream) or not entries:
                if over:
                    return
                found: Found = yield Look(None)
                over = found.state.final
                if entries is NoStream.GONE and found.steps:  # it vanished before we came
                    return
                continue
            if told.at == START:  # the stream tells it from the beginning
                yield from told.resets()
            for entry in entries:
                for step in (yield from self._missed(entry)):
                    yield from told.step(step)
                verdict = told.take(entry)
                if verdict is Verdict.LEAVE:
                    return
                if verdict is Verdict.TELL and entry.kind is not None:
                    yield Event(told.entry_id(entry), entry.kind, entry.step, entry.data)

    def _catch_up(self, seek: str) -> Telling:
        """Read silently up to the event `seek`; when the stream has none, begin anew."""
        while (entries := (yield Read(self._told.at, wait=False))) and not isinstance(entries, NoStream):
            for entry in entries:
                for step in (yield from self._missed(entry)):
                    self._told.was_told(step)
                verdict = self._told.take(entry)
                if entry.id == seek:  # `ended`, too, was not taken: a story always ends with it, also a second time
                    self._seek = None
                    return
                if verdict is Verdict.LEAVE:
                    yield self._begin_anew()
                    return
        yield self._begin_anew()

    def _missed(self, entry: Entry) -> Generator[Look, Found, list[FinishedStep]]:
        """What was finished, untold, before a new claim."""
        if not self._told.follows_a_death(entry):
            return []
        found = yield Look(frozenset(self._told.finished))
        return [step for step in found.journal if step.claim < entry.claim]

    def _tell_sql(self) -> Telling:
        if self._seek is not None:
            yield self._begin_anew()
        rested = None
        while True:
            found: Found = yield Look(frozenset(self._told.finished))
            for step in found.journal:
                yield from self._told.step(step)
            if found.state.final:
                if found.state is JobState.COMPLETED:
                    yield from self._told.resets("it is not part of the job")
                yield self._told.ended(found)
                return
            rests = found.state in (JobState.WAITING, JobState.PARKED)
            if rests and rested != (found.state, found.run_after_ms):
                rested = (found.state, found.run_after_ms)
                yield self._told.waiting(found)
            yield Rest()

    def _begin_anew(self) -> Event:
        self._seek = None
        return self._told.begin_anew()
