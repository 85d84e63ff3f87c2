"""A forker that does not come up costs the next start, never the workers that live."""

import os
import sys

import pytest

from tests.moved_clock import MovedClock
from tests.waiting import wait_until
from workers.supervisor.forking import Forking


def test_one_that_cannot_be_started_is_tried_later_and_later_and_never_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nobody/lives/here")
    clock = MovedClock()
    forking = Forking({}, clock)
    for pause in (0.0, 0.5, 1.0, 2.0, 5.0):
        assert forking.failing is None
        clock.move(pause)
        forking.check()
    assert "could not be started" in (forking.failing or "")

    monkeypatch.setattr(sys, "executable", "/bin/true")
    clock.move(29.0)
    forking.check()
    assert forking.line is None
    clock.move(1.0)
    forking.check()
    line = forking.line
    assert line is not None
    wait_until(forking.check)  # it ended at once
    assert "exit status 0" in (forking.failing or "")
    line.close()


def test_one_that_is_not_warm_yet_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/cat")  # -P is no option it knows: it ends, or it is killed
    forking = Forking(os.environ, MovedClock())
    forking.start()
    forking.close(timeout=10)
    assert forking.line is None
