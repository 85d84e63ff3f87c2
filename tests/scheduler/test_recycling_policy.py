"""Who has lived long enough, decided from what heartbeats told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.recycling_policy import BEHIND_SECONDS, SETTLING_SECONDS, Life, choose, excess, stretched
from shared.supervision.limits import Limits

LIMITS = Limits(jobs=100, age_seconds=3600, rss_mb=600, connections=500, loop_lag_ms=2000, at_once=1)
OFF = Limits(jobs=0, age_seconds=0, rss_mb=0, connections=0, loop_lag_ms=0, at_once=1)
FINE = Life("A", "s", False, False, 120.0, 5, 200, 40, 0, 0.0)
OLD = replace(FINE, age_seconds=10_000.0)

lives = st.builds(
    Life,
    incarnation=st.uuids().map(str),
    supervisor=st.sampled_from(["s", "t"]),
    draining=st.booleans(),
    asked=st.booleans(),
    age_seconds=st.floats(0, 10_000),
    jobs_done=st.integers(0, 300),
    rss_mb=st.integers(0, 2000),
    connections=st.integers(0, 2000),
    lagging_beats=st.integers(0, 6),
    behind_seconds=st.floats(0, 200),
)


@pytest.mark.parametrize(
    ("life", "word"),
    [
        (replace(FINE, jobs_done=120), "jobs: 120 done"),
        (replace(FINE, age_seconds=4320.0), "age:"),
        (replace(FINE, rss_mb=720), "memory: 720 MiB"),
        (replace(FINE, connections=600), "connections: 600"),
        (replace(FINE, lagging_beats=3), "event loop:"),
        (replace(FINE, behind_seconds=BEHIND_SECONDS + 1), "failed reload"),
    ],
)
def test_each_limit_recycles_with_its_reason(life: Life, word: str) -> None:
    assert word in (excess(life, LIMITS) or "")
    assert excess(FINE, LIMITS) is None
    if "reload" not in word:
        assert excess(life, OFF) is None


def test_a_worker_that_just_started_is_not_judged_by_its_heaviest_moment() -> None:
    young = replace(FINE, age_seconds=SETTLING_SECONDS - 1, rss_mb=5000, connections=5000, lagging_beats=9)
    assert excess(young, LIMITS) is None
    assert excess(replace(young, jobs_done=120), LIMITS)


@given(st.uuids().map(str))
def test_limits_are_stretched_by_at_most_a_fifth_and_always_the_same(incarnation: str) -> None:
    own = stretched(LIMITS, incarnation)
    assert own == stretched(LIMITS, incarnation)
    assert 100 <= own.jobs <= 120
    assert 3600 <= own.age_seconds <= 4320


def test_workers_started_together_do_not_go_together() -> None:
    assert len({stretched(LIMITS, f"worker {number}").age_seconds for number in range(8)}) == 8


def test_the_oldest_goes_first_and_the_next_only_when_it_has_gone() -> None:
    older = replace(OLD, incarnation="B", age_seconds=20_000.0)
    assert [recycle.incarnation for recycle in choose([OLD, older], LIMITS)] == ["B"]
    assert choose([OLD, replace(older, asked=True)], LIMITS) == []
    assert choose([OLD, replace(older, draining=True)], LIMITS) == []
    assert [recycle.incarnation for recycle in choose([OLD], LIMITS)] == ["A"]


@given(st.lists(lives, unique_by=lambda life: life.incarnation, max_size=12), st.integers(1, 3))
def test_never_more_than_allowed_of_a_supervisor_are_on_their_way_out(many: list[Life], at_once: int) -> None:
    chosen = choose(many, replace(LIMITS, at_once=at_once))
    by_id = {life.incarnation: life for life in many}
    for supervisor in ("s", "t"):
        leaving = sum(life.supervisor == supervisor and (life.draining or life.asked) for life in many)
        more = [recycle for recycle in chosen if recycle.supervisor == supervisor]
        assert len(more) <= max(0, at_once - leaving)
        assert all(by_id[recycle.incarnation].supervisor == supervisor for recycle in more)
    assert not any(by_id[recycle.incarnation].draining or by_id[recycle.incarnation].asked for recycle in chosen)
