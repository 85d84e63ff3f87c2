"""The judge of what readers were told sees what it is there to see."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.told import Told
from watchkeeper import Job
from watchkeeper.events import Event, EventKind
from watchkeeper.states import JobState, Priority

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_JOB = Job(
    id="j",
    agent="default",
    state=JobState.COMPLETED,
    priority=Priority.NORMAL,
    conversation_id=None,
    idempotency_key=None,
    metadata=None,
    run_after=None,
    deadline=None,
    enqueued_at=_NOW,
    started_at=_NOW,
    finished_at=_NOW,
    steps=1,
    result={"text": "one two"},
    error_cause=None,
    error_message=None,
)


def _event(kind: EventKind, step: int | None = 1, /, **data: Any) -> Event:
    return Event("1-1", kind, step, data)


_STARTED = _event(EventKind.STEP_STARTED, kind="llm")
_ONE, _TWO = _event(EventKind.TOKEN, text="one "), _event(EventKind.TOKEN, text="two")
_FINISHED = _event(EventKind.STEP_FINISHED, kind="llm", text="one two")
_RESET, _ANEW = _event(EventKind.STEP_RESET, why=""), _event(EventKind.STEP_RESET, None, why="")
_ENDED = _event(EventKind.ENDED, None, state="completed", text="one two")
_RIGHT = [_STARTED, _ONE, _TWO, _FINISHED, _ENDED]


def _wrong(*events: Event, job: Job = _JOB) -> list[str]:
    told = Told()
    for event in events:
        told.feed(event)
    return told.hold_against(job)


@pytest.mark.parametrize(
    "events",
    [
        _RIGHT,
        [_STARTED, _ONE, _RESET, *_RIGHT],
        [_RESET, *_RIGHT],
        [_STARTED, _ONE, _TWO, _FINISHED, _ANEW, *_RIGHT],
    ],
)
def test_a_whole_story_is_right_also_when_a_part_was_taken_back(events: list[Event]) -> None:
    assert _wrong(*events) == []


@pytest.mark.parametrize(
    "events",
    [
        _RIGHT[:-1],
        [*_RIGHT, _ENDED],
        [*_RIGHT, _ONE],
        [_STARTED, _ONE, _FINISHED, _ENDED],
        [_STARTED, _ONE, _ONE, _TWO, _FINISHED, _ENDED],
        [_STARTED, _ONE, _STARTED, _ONE, _TWO, _FINISHED, _ENDED],
        [_STARTED, _ONE, _TWO, _FINISHED, _FINISHED, _ENDED],
        [_STARTED, _ONE, _TWO, _ENDED],
        [_ENDED],
    ],
)
def test_a_story_with_a_hole_or_a_repetition_is_wrong(events: list[Event]) -> None:
    assert _wrong(*events)


def test_a_story_that_is_not_the_jobs_own_is_wrong() -> None:
    assert _wrong(*_RIGHT, job=replace(_JOB, result={"text": "another"}))
    assert _wrong(*_RIGHT, job=replace(_JOB, steps=2))
    assert _wrong(*_RIGHT, job=replace(_JOB, state=JobState.FAILED))


def test_the_story_of_a_dead_job_may_end_in_the_middle_of_a_step() -> None:
    dead = replace(_JOB, state=JobState.DEAD, steps=0, result=None)
    assert _wrong(_STARTED, _ONE, _event(EventKind.ENDED, None, state="dead", text=""), job=dead) == []
