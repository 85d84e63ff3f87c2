"""What the supervisor decides, without processes and without time passing."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.supervisor.fleets import DRAIN, a_fleet, burials, come_up
from workers.supervisor.budget import QUICK_DEATHS, QUICK_SECONDS, UNBORN, Budget
from workers.supervisor.fleet import LONE, GiveUp, Start
from workers.supervisor.life import SILENT_SECONDS
from workers.supervisor.member import (
    STAFFED,
    Ailing,
    Beat,
    Closed,
    Dump,
    Hello,
    Kill,
    Leaving,
    Phase,
    Ready,
    Reaped,
    ReplaceForker,
    Tell,
)


def test_nobody_is_started_before_the_forker_is_warm_and_then_every_slot_is_filled() -> None:
    fleet = a_fleet(3)
    assert fleet.tick(0, can_fork=False) == []
    assert len(come_up(fleet, 1)) == 3
    assert fleet.ready == 3
    assert fleet.tick(1.1, can_fork=True) == []


def test_a_worker_killed_after_a_life_is_replaced_at_once_and_counts_as_crashed() -> None:
    fleet = a_fleet()
    first, _ = come_up(fleet, 0)
    fleet.happened(first, Closed(), 100)
    effects = fleet.happened(first, Reaped(-9), 100)

    assert burials(effects) == [("killed by signal 9 (SIGKILL)", True)]
    assert len(come_up(fleet, 100)) == 1


def test_a_closed_line_alone_is_a_death_when_no_forker_is_left_to_tell_the_status() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    fleet.happened(first, Closed(), 50)
    assert len(come_up(fleet, 50)) == 1  # the replacement waits for nothing
    assert burials(fleet.tick(50.6, can_fork=True)) == []
    assert burials(fleet.tick(51.1, can_fork=True)) == [("unknown: its forker could not tell", True)]


def test_a_silent_worker_writes_its_stacks_and_is_killed_a_second_later() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    seen: list[tuple[float, type]] = []
    now = 0.0
    while now < 12 and not any(kind is Kill for _, kind in seen):
        now += 0.5
        seen += [(now, type(effect)) for effect in fleet.tick(now, can_fork=True)]
    assert [kind for _, kind in seen] == [Dump, Start, Kill]
    assert seen[0][0] == SILENT_SECONDS + 0.5
    assert burials(fleet.happened(first, Reaped(-9), now))[0] == (
        "hung: its event loop stood still for 8 s, or it was stopped",
        True,
    )


def test_what_we_slept_through_is_nobodys_silence() -> None:
    fleet = a_fleet(1)
    come_up(fleet, 0)
    assert fleet.tick(600, can_fork=True) == []


def test_a_dead_thread_that_a_worker_tells_of_is_the_end_of_that_worker() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    (effect,) = fleet.happened(first, Ailing("its consumer thread died"), 1)
    assert isinstance(effect, Dump)
    assert effect.member.ill == "hung: its consumer thread died"


def test_a_recycled_worker_drains_only_once_its_replacement_is_ready() -> None:
    fleet = a_fleet()
    first, second = come_up(fleet, 0)
    fleet.recycle(first, "rss")
    fleet.recycle(second, "rss")

    (start,) = fleet.tick(1, can_fork=True)
    assert isinstance(start, Start)
    assert fleet.tick(1.1, can_fork=True) == []  # one at a time
    fleet.happened(start.member.incarnation, Hello(7), 1.2)
    assert fleet.happened(start.member.incarnation, Ready(), 1.2) == [Tell(first, "drain", "rss")]
    assert fleet.tick(1.3, can_fork=True) == []  # the old one is still there

    fleet.happened(first, Leaving(), 2)
    assert burials(fleet.happened(first, Reaped(0), 2)) == [("rss", False)]
    assert [type(effect) for effect in fleet.tick(2.1, can_fork=True)] == [Start]


def test_a_forked_worker_that_never_says_hello_is_the_forkers_fault() -> None:
    fleet = a_fleet(1)
    fleet.tick(0, can_fork=True)
    seen: list[object] = []
    for tick in range(1, 25):
        seen += fleet.tick(tick / 2, can_fork=True)
    assert any(isinstance(effect, ReplaceForker) for effect in seen)
    assert burials(seen)[0] == ("it was not forked within 10 s", False)


def test_a_stopping_fleet_starts_nobody_and_kills_who_does_not_end_in_time() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    assert fleet.stop("drain", "stopped", 0) == [Tell(first, "drain", "stopped")]
    now, seen = 0.0, list[object]()
    while now < DRAIN + 12:
        now += 0.5
        fleet.happened(first, Beat(), now)
        seen += fleet.tick(now, can_fork=True)
    assert [type(effect) for effect in seen] == [Kill]
    assert burials(fleet.happened(first, Reaped(-9), now)) == [("still draining after 35 s", False)]
    assert fleet.members == {}


def test_an_emptied_slot_stays_empty_until_somebody_scales() -> None:
    fleet = a_fleet()
    first, _ = come_up(fleet, 0)
    fleet.empty(first, "drain", "a person", 1)
    fleet.happened(first, Reaped(0), 2)
    assert fleet.tick(3, can_fork=True) == []
    fleet.scale(2, "a person", 4)
    assert len(come_up(fleet, 4)) == 1


def test_a_lone_worker_is_not_replaced() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    fleet.run_alone("job")
    (lone,) = come_up(fleet, 1)
    fleet.recycle(lone, "a person")
    fleet.roll("a person")
    assert list(fleet.wanted) == [first]


def test_lone_jobs_run_a_few_at_a_time_beside_the_others_and_spend_no_budget() -> None:
    fleet = a_fleet(1)
    come_up(fleet, 0)
    assert fleet.may_run_alone
    for number in range(1, LONE + 2):
        fleet.run_alone(f"job {number}")
    starts = [effect for effect in fleet.tick(1, can_fork=True) if isinstance(effect, Start)]
    assert [start.member.alone_with for start in starts] == [f"job {number}" for number in range(1, LONE + 1)]
    start = starts[0]
    assert not fleet.may_run_alone
    fleet.run_alone("job 1")  # its wake-up came twice
    assert fleet.tick(2, can_fork=True) == []
    assert burials(fleet.happened(start.member.incarnation, Reaped(0), 3)) == [("its one job is done", False)]
    (start,) = fleet.tick(3, can_fork=True)
    assert isinstance(start, Start)
    assert start.member.alone_with == f"job {LONE + 1}"
    assert burials(fleet.happened(start.member.incarnation, Reaped(-11), 4)) == [
        ("killed by signal 11 (SIGSEGV)", True)
    ]
    assert fleet.ready == 1


def test_a_worker_that_never_comes_up_is_tried_later_and_later_and_then_given_up() -> None:
    fleet = a_fleet(1)
    now, starts, seen = 0.0, list[float](), list[object]()
    while now < 60 and not any(isinstance(effect, GiveUp) for effect in seen):
        now += 0.1
        for effect in fleet.tick(now, can_fork=True):
            if isinstance(effect, Start):
                starts.append(now)
                seen += fleet.happened(effect.member.incarnation, Reaped(1), now)
    assert len(starts) == UNBORN
    for (before, after), pause in zip(pairwise(starts), (0.5, 1, 2, 5), strict=True):
        assert pause - 0.01 <= after - before <= pause + 0.21


def test_an_outage_of_the_stores_spends_no_budget() -> None:
    fleet = a_fleet(1)
    for tick in range(2000):
        for effect in fleet.tick(tick / 10, can_fork=True):
            if isinstance(effect, Start):
                assert not any(
                    isinstance(e, GiveUp) for e in fleet.happened(effect.member.incarnation, Reaped(3), tick / 10)
                )


def test_quick_deaths_spend_the_budget_unless_somebody_lives() -> None:
    def deaths(budget: Budget, number: int) -> str | None:
        for second in range(number):
            budget.ready()
            budget.died(1, 1.0, "exit code 1", float(second))
        return budget.spent(float(number))

    assert deaths(Budget(2), QUICK_DEATHS - 1) is None
    assert "exit code 1" in (deaths(Budget(2), QUICK_DEATHS) or "")
    steady = Budget(2)
    deaths(steady, QUICK_DEATHS - 1)
    steady.lived(60.0)
    assert deaths(steady, 1) is None
    assert Budget(2).died(1, QUICK_SECONDS, "killed", 0.0) == 0.0


STEPS = st.lists(
    st.tuples(st.sampled_from(["tick", "ready", "kill", "hang", "recycle", "roll"]), st.integers(0, 5)), max_size=80
)


def test_workers_killed_soon_after_they_were_of_use_spend_no_budget() -> None:
    fleet = a_fleet(1)
    now = 0.0
    for _ in range(3 * QUICK_DEATHS):
        (worker,) = come_up(fleet, now)
        fleet.happened(worker, Beat(useful=True), now + 1)
        now += 1.5
        effects = [*fleet.happened(worker, Closed(), now), *fleet.happened(worker, Reaped(-9), now)]
        assert not any(isinstance(effect, GiveUp) for effect in effects)


@given(steps=STEPS, size=st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_whatever_happens_one_replacement_at_a_time_and_nobody_drains_without_one(
    steps: list[tuple[str, int]], size: int
) -> None:
    fleet, now = a_fleet(size), 0.0
    for step, number in steps:
        now += 0.4
        members = list(fleet.members)
        chosen = members[number % len(members)] if members else ""
        effects: list[object] = []
        match step:
            case "ready":
                fleet.happened(chosen, Hello(1), now)
                effects = list(fleet.happened(chosen, Ready(), now))
            case "kill":
                effects = list(fleet.happened(chosen, Reaped(-9), now))
            case "hang":
                effects = list(fleet.happened(chosen, Ailing("a thread"), now))
            case "recycle":
                fleet.recycle(chosen, "age")
            case "roll":
                fleet.roll("roll")
        effects += fleet.tick(now, can_fork=True)
        for effect in effects:
            if isinstance(effect, Tell):
                slot = fleet.members[effect.incarnation].slot
                assert any(m.slot == slot and m.phase is Phase.READY for m in fleet.members.values())
        present = list(fleet.members.values())
        assert sum(m.replaces in fleet.members and m.phase is Phase.STARTING for m in present) <= 1
        for slot in range(1, size + 1):
            assert sum(m.slot == slot and m.phase in STAFFED for m in present) <= 2
