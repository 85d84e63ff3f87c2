"""A flag that a signal handler may set at any moment."""

import signal
import threading

import pytest

from shared.flag import Flag


def test_it_is_set_once_and_wakes_all_who_wait() -> None:
    flag = Flag()
    assert not flag.wait(0.001)
    waiting = [threading.Thread(target=flag.wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    flag.set()
    flag.set()
    for thread in waiting:
        thread.join(5)
        assert not thread.is_alive()
    assert flag.is_set() and flag.wait() and flag.wait(0.001)


@pytest.mark.timeout(60, method="thread")  # the other method needs the signal that is used here
def test_a_signal_in_the_midst_of_a_wait_never_locks_up_the_thread_it_interrupts() -> None:
    flags = [Flag()]
    before = signal.signal(signal.SIGUSR1, lambda *_: flags[-1].set())
    ended = threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    def ring() -> None:
        while not ended.is_set():
            signal.pthread_kill(main, signal.SIGUSR1)

    ringing = threading.Thread(target=ring)
    ringing.start()
    try:
        for _ in range(300):
            flags.append(Flag())
            assert flags[-1].wait(30)
    finally:
        ended.set()
        ringing.join()
        signal.signal(signal.SIGUSR1, before)
