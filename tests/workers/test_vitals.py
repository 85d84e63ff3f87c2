"""What a heartbeat tells about its process."""

import asyncio
import os
import socket
import time

from shared.clock import SystemClock
from tests.waiting import wait_until
from workers.vitals import VitalSigns


async def test_a_coroutine_that_blocks_the_loop_shows_as_lag_once() -> None:
    clock = SystemClock()
    signs = VitalSigns(clock)
    watching = asyncio.ensure_future(signs.watch())
    await asyncio.sleep(0)
    until = clock.monotonic() + 0.6
    wait_until(lambda: clock.monotonic() >= until)  # blocks the loop

    assert signs.read().loop_lag_ms >= 300
    await asyncio.sleep(0)
    assert signs.read().loop_lag_ms < 300
    watching.cancel()


def test_open_sockets_are_counted_and_files_are_not() -> None:
    signs = VitalSigns(SystemClock())
    before = signs.read().connections
    pairs = [socket.socketpair() for _ in range(20)]
    with open(os.devnull):
        assert signs.read().connections == before + 40
    for pair in pairs:
        for end in pair:
            end.close()
    assert signs.read().connections == before


def test_a_look_is_cheap_beside_many_sockets() -> None:
    signs = VitalSigns(SystemClock())
    pairs = [socket.socketpair() for _ in range(150)]
    begun = time.thread_time()
    for _ in range(20):
        signs.read()
    took_ms = (time.thread_time() - begun) / 20 * 1000
    for pair in pairs:
        for end in pair:
            end.close()
    assert took_ms < 2.0, took_ms
