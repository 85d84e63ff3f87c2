"""Filling the gaps ends, costs little, and leaves new objects one beside the other."""

import sys

from workers.supervisor.packing import fill_places


def test_after_it_new_objects_lie_together() -> None:
    scattered = [bytes(67) for _ in range(20_000)]
    del scattered[::2]

    filling = fill_places()
    fresh = [bytes(67) for _ in range(60)]

    pages = {id(one) // 4096 for one in fresh}
    assert len(pages) <= 4, "sixty objects of a hundred bytes fit on two or three pages"
    assert sum(map(sys.getsizeof, filling)) < 60_000_000
