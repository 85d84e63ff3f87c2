"""Job ids."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from watchkeeper.ids import IdMaker

MOMENT_NS = 1_700_000_000_123 * 1_000_000


def test_an_id_is_a_version_7_uuid_that_tells_its_time() -> None:
    found = UUID(IdMaker(lambda: MOMENT_NS)())

    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    assert found.int >> 80 == 1_700_000_000_123


def test_ids_increase_within_a_millisecond_and_when_the_clock_steps_back() -> None:
    times = iter([MOMENT_NS] * 500 + [MOMENT_NS - 3_600_000_000_000] * 500)
    make = IdMaker(lambda: next(times))

    ids = [make() for _ in range(1000)]

    assert ids == sorted(set(ids))


def test_ids_increase_at_the_very_end_of_a_millisecond() -> None:
    make = IdMaker(lambda: MOMENT_NS, lambda count: b"\xff" * count)

    ids = [make() for _ in range(10)]

    assert ids == sorted(set(ids))
    assert {UUID(made).version for made in ids} == {7}


def test_threads_never_make_the_same_id() -> None:
    make = IdMaker(lambda: MOMENT_NS)

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: make(), range(4000)))

    assert len(set(ids)) == 4000
