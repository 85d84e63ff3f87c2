"""What a worker makes shall lie on few pages of its own: the free places between the forker's objects are filled.

Python reuses such places first. In a worker each of them is on a page that was shared until then: a place of 64 bytes
would cost it 4096. Measured: 1 MB of the 20 of an idle worker.
"""

import ctypes
from collections.abc import Callable
from typing import Final

_STEP: Final = 16
_LARGEST: Final = 512  # bytes; above that Python leaves it to the C library
_POOL: Final = 16 * 1024  # objects of one size share one
_ENOUGH: Final = 2_000_000  # bytes of one size at most
_BYTES_HEADER: Final = 33
_M_ARENA_MAX: Final = -8  # <malloc.h>


def fill_places() -> list[object]:
    """What fills them; they are filled for as long as it lives."""
    filling: list[object] = []
    _fill(1 * _STEP, object, filling)
    _fill(2 * _STEP, lambda: float(len(filling)), filling)
    for size in range(3 * _STEP, _LARGEST + 1, _STEP):
        _fill(size, lambda: bytes(size - _BYTES_HEADER), filling)  # noqa: B023 - called at once
    return filling


def few_arenas() -> None:
    """One place for what all threads have from the C library, instead of eight for each core, all with gaps.

    Threads of Python wait for one another anyway. Measured: 2 MB less for a worker whose 200 threads were in use.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; others have no such places
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def _fill(size: int, make: Callable[[], object], filling: list[object]) -> None:
    """Until as many follow each other in memory as only an empty pool has places."""
    row, before = 0, 0
    for _ in range(_ENOUGH // size):
        filler = make()
        filling.append(filler)
        row = row + 1 if id(filler) == before + size else 0
        before = id(filler)
        if row > _POOL // size - 8:
            return
