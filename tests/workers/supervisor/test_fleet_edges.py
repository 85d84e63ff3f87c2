"""Orders and deaths that meet each other: what the fleet decides when two things happen at once."""

from collections.abc import Sequence

from tests.workers.supervisor.fleets import a_fleet, burials, come_up, started
from workers.supervisor.budget import UNBORN
from workers.supervisor.fleet import Fleet, GiveUp, Start
from workers.supervisor.life import SILENT_SECONDS, START_SECONDS
from workers.supervisor.member import Beat, Closed, Dump, Kill, Leaving, Phase, Ready, Reaped, Tell


def all_beat(fleet: Fleet, now: float) -> None:
    for incarnation in list(fleet.members):
        fleet.happened(incarnation, Beat(), now)


def told(effects: Sequence[object]) -> list[tuple[str, str]]:
    return [(effect.incarnation, effect.word) for effect in effects if isinstance(effect, Tell)]


def test_what_we_slept_through_does_not_hide_a_worker_that_hangs_afterwards() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    fleet.happened(first, Beat(), 600)  # the controller was stopped; the beat waited on the line
    fleet.tick(600, can_fork=True)
    now, seen = 600.0, list[object]()
    while now < 600 + SILENT_SECONDS + 1:
        now += 0.5
        seen += fleet.tick(now, can_fork=True)
    assert any(isinstance(effect, Dump) for effect in seen)


def test_time_in_which_nobody_ran_does_not_use_up_the_time_to_drain_or_to_start() -> None:
    fleet = a_fleet(2)
    first, _ = come_up(fleet, 0)
    fleet.recycle(first, "age")
    (new,) = started(fleet, 1)
    fleet.happened(new, Ready(), 2)
    fleet.recycle(new, "age")
    assert fleet.members[first].phase is Phase.DRAINING
    fleet.happened(first, Reaped(0), 3)
    (starting,) = started(fleet, 3)
    fleet.tick(3.1, can_fork=True)
    assert fleet.tick(900, can_fork=True) == []  # the whole host was asleep
    assert starting in fleet.members


def test_a_worker_that_cannot_start_while_sql_is_away_is_waited_for_and_has_its_whole_time_afterwards() -> None:
    fleet = a_fleet(1)
    (starting,) = started(fleet, 0)
    now = 0.0
    while now < 3 * START_SECONDS:
        now += 0.5
        assert fleet.tick(now, can_fork=True, sql_answers=False) == []
    back = now
    while now < back + START_SECONDS:
        now += 0.5
        assert fleet.tick(now, can_fork=True) == []
    effect, *_ = fleet.tick(now + 0.5, can_fork=True)
    assert isinstance(effect, Kill)
    assert effect.member.incarnation == starting


def test_whatever_workers_die_of_before_they_are_ready_an_outage_of_sql_spends_no_budget() -> None:
    fleet = a_fleet(1)
    now, seen = 0.0, list[object]()
    for _ in range(4 * UNBORN):
        (starting,) = started(fleet, now)
        fleet.tick(now + 0.1, can_fork=True, sql_answers=False)
        seen += fleet.happened(starting, Reaped(1), now + 0.2)  # it knew no better exit code
        now += 20
    assert not any(isinstance(effect, GiveUp) for effect in seen)
    for _ in range(UNBORN):  # SQL is back, and still they die: that is their own doing
        (starting,) = started(fleet, now)
        seen += fleet.happened(starting, Reaped(1), now + 0.2)
        now += 20
    assert any(isinstance(effect, GiveUp) for effect in seen)


def test_a_worker_drained_while_its_replacement_starts_leaves_its_slot_empty_and_others_are_still_recycled() -> None:
    fleet = a_fleet(2)
    first, second = come_up(fleet, 0)
    fleet.recycle(first, "age")
    (new,) = started(fleet, 1)
    assert told(fleet.empty(first, "drain", "a person", 2)) == [(first, "drain"), (new, "drain")]
    fleet.happened(new, Ready(), 2)
    fleet.happened(first, Reaped(0), 3)
    fleet.happened(new, Reaped(0), 3)
    assert started(fleet, 4) == []
    fleet.recycle(second, "age")
    assert len(started(fleet, 5)) == 1


def test_a_replacement_that_is_told_to_drain_takes_nobody_with_it() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    fleet.recycle(first, "age")
    (new,) = started(fleet, 1)
    fleet.empty(new, "drain", "a person", 2)
    assert told(fleet.happened(new, Ready(), 3)) == []
    fleet.happened(new, Reaped(0), 4)
    assert fleet.members[first].phase is Phase.READY
    assert started(fleet, 5) == []  # whom the person kept is not replaced either
    fleet.recycle(first, "age")
    assert len(started(fleet, 6)) == 1


def test_a_recycled_worker_whose_replacements_do_not_start_is_kept_and_nobody_gives_up() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    now = 100.0
    fleet.tick(now, can_fork=True)
    fleet.recycle(first, "age")
    seen = list[object]()
    for _ in range(3000):
        now += 0.1
        all_beat(fleet, now)
        for effect in fleet.tick(now, can_fork=True):
            if isinstance(effect, Start):
                seen += fleet.happened(effect.member.incarnation, Reaped(1), now)
    assert len(burials(seen)) > 5
    assert not any(isinstance(effect, GiveUp) for effect in seen)
    assert fleet.members[first].phase is Phase.READY


def test_a_worker_still_starting_is_recycled_once_it_is_ready() -> None:
    fleet = a_fleet(1)
    (first,) = started(fleet, 0)
    fleet.recycle(first, "age")
    assert started(fleet, 1) == []
    fleet.happened(first, Ready(), 2)
    assert len(started(fleet, 3)) == 1


def test_killed_while_it_drains_its_jobs_go_back_as_after_a_crash_and_its_successor_stays() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    fleet.recycle(first, "age")
    (new,) = started(fleet, 1)
    fleet.happened(new, Ready(), 2)
    assert burials(fleet.happened(first, Reaped(-9), 3)) == [("killed by signal 9 (SIGKILL)", True)]
    assert fleet.tick(3.1, can_fork=True) == []
    assert list(fleet.members) == [new]


def test_an_orderly_end_that_no_forker_tells_of_is_no_crash() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    fleet.stop("drain", "stopped", 10)
    fleet.happened(first, Leaving(), 11)
    fleet.happened(first, Closed(), 12)
    fleet.tick(12, can_fork=False)
    fleet.tick(12.5, can_fork=False)
    assert burials(list(fleet.tick(13.1, can_fork=False))) == [("stopped", False)]


def test_a_late_exit_status_is_waited_for_and_told_as_it_is() -> None:
    fleet = a_fleet(1)
    (first,) = started(fleet, 0)
    fleet.happened(first, Closed(), 50)
    assert burials(fleet.tick(50.7, can_fork=True)) == []
    assert burials(fleet.happened(first, Reaped(3), 50.8)) == [("exit code 3: SQL or Redis did not answer", False)]


def test_scaled_to_nobody_and_back_while_one_drains() -> None:
    fleet = a_fleet(2)
    first, second = come_up(fleet, 0)
    assert told(fleet.empty(first, "drain", "a person", 1)) == [(first, "drain")]
    assert told(fleet.scale(0, "a person", 2)) == [(second, "drain")]
    assert started(fleet, 3) == []
    fleet.scale(2, "a person", 4)
    new = come_up(fleet, 5)
    assert len(new) == 2
    for incarnation in (first, second):
        fleet.happened(incarnation, Reaped(0), 6)
    assert started(fleet, 7) == []
    assert sorted(fleet.members) == sorted(new)


def test_hup_while_one_is_being_replaced_replaces_every_one_once_more_and_then_rests() -> None:
    fleet = a_fleet(2)
    first, _ = come_up(fleet, 0)
    fleet.recycle(first, "age")
    started(fleet, 1)
    before = set(fleet.members)
    fleet.roll("HUP")
    now = 2.0
    while now < 30:
        now += 0.1
        all_beat(fleet, now)
        for incarnation, member in list(fleet.members.items()):
            if member.phase is Phase.STARTING:
                fleet.happened(incarnation, Ready(), now)
            elif member.phase is Phase.DRAINING:
                fleet.happened(incarnation, Reaped(0), now)
        started(fleet, now)
        assert fleet.ready >= 2
    assert not before & set(fleet.members)
    assert len(fleet.members) == 2
    assert fleet.wanted == {}
