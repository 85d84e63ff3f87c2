"""A worker that was busy gives memory back once it is idle."""

import gc
import weakref

from workers.relief import Relief


class _Knot:
    def __init__(self) -> None:
        self.itself = self


def test_what_a_burst_left_is_collected_once_the_worker_is_idle() -> None:
    running, done = 1, 50
    relief = Relief(lambda: running, lambda: done)
    gc.disable()
    try:
        left = weakref.ref(_Knot())
        assert not relief.look()
        assert left() is not None, "jobs run, and it would hold them up"

        running = 0
        assert relief.look()
        assert left() is None
    finally:
        gc.enable()


def test_a_few_jobs_are_not_worth_it() -> None:
    done = 49
    relief = Relief(lambda: 0, lambda: done)
    assert not relief.look()
    done = 50
    assert relief.look()
    assert not relief.look(), "nothing was done since"
    done = 99
    assert not relief.look()
