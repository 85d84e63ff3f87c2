"""How a worker ended: in order, or in the midst of its work."""

import pytest

from tests.workers.supervisor.fleets import a_fleet, burials, come_up, started
from workers.supervisor.fleet import Start
from workers.supervisor.life import DUMP_SECONDS, KILLED_SECONDS, SILENT_SECONDS
from workers.supervisor.member import Kill, Leaving, Ready, Reaped


@pytest.mark.parametrize("code", [0, 3, 7])
def test_a_tool_that_ends_the_process_is_a_crash_whatever_the_exit_code(code: int) -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    ((why, crashed),) = burials(fleet.happened(first, Reaped(code), 5))
    assert why == f"exit code {code} in the midst of its work: did a tool end the process?"
    assert crashed


def test_so_it_is_alone_and_while_it_drains() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    fleet.run_alone("job")
    (start,) = [effect for effect in fleet.tick(1, can_fork=True) if isinstance(effect, Start)]
    lone = start.member.incarnation
    fleet.happened(lone, Ready(), 1)
    assert [crashed for _, crashed in burials(fleet.happened(lone, Reaped(0), 2))] == [True]

    fleet.empty(first, "drain", "a person", 3)
    assert [crashed for _, crashed in burials(fleet.happened(first, Reaped(0), 4))] == [True]


def test_who_said_goodbye_or_never_had_a_job_ended_in_order() -> None:
    fleet = a_fleet(2)
    first, second = started(fleet, 0)
    assert burials(fleet.happened(first, Reaped(3), 1)) == [("exit code 3: SQL or Redis did not answer", False)]
    fleet.happened(second, Ready(), 1)
    fleet.happened(second, Leaving(), 2)
    assert burials(fleet.happened(second, Reaped(0), 2)) == [("exit code 0", False)]


def test_who_was_killed_is_buried_although_nobody_tells_of_its_end() -> None:
    fleet = a_fleet(1)
    (first,) = come_up(fleet, 0)
    now, effects = 0.0, list[object]()
    while not any(isinstance(effect, Kill) for effect in effects):
        now += 0.5
        effects += fleet.tick(now, can_fork=True)
    assert now <= SILENT_SECONDS + DUMP_SECONDS + 1
    assert first in fleet.members

    while first in fleet.members:
        now += 0.5
        effects += fleet.tick(now, can_fork=True)
    assert now <= SILENT_SECONDS + DUMP_SECONDS + KILLED_SECONDS + 2
    ((why, crashed),) = burials(effects)
    assert why.startswith("hung")
    assert crashed
