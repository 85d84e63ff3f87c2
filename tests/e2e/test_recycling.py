"""The scheduler sees that a worker has done its share, the supervisor replaces it, and nobody waits meanwhile."""

import json
from typing import Any

from sqlalchemy import select

from shared.db.reading import reading
from shared.db.tables import supervisors
from tests.e2e.house import House
from tests.e2e.supervised import Supervised, supervise
from tests.waiting import wait_until


def recycled(house: House) -> list[dict[str, Any]]:
    """Workers that were replaced for the jobs they had done."""
    return [row for row in house.rows.ended() if (row["recycle_why"] or "").startswith("jobs: ")]


def wk(supervised: Supervised, *arguments: str) -> Any:
    """What the command line says as JSON."""
    ran = supervised.house.processes.watchkeeper(*arguments, "--json")
    assert ran.ended() == 0, ran.output()
    return json.loads(ran.stdout.read_text())


def test_workers_that_did_their_share_are_replaced_and_never_are_fewer_ready(house: House) -> None:
    house.scheduler(WATCHKEEPER_RECYCLE_JOBS="10")
    supervised = supervise(house, processes=2)
    first = supervised.pids
    jobs = [house.client.enqueue("default", f"job {number}").id for number in range(40)]
    fewest = [2]

    def both_replaced() -> bool:
        fewest.append(len(supervised.pids))
        return not supervised.pids & first and len(supervised.pids) == 2

    wait_until(both_replaced, 90)

    assert min(fewest) == 2
    for job_id in jobs:
        house.done(job_id)
    wait_until(lambda: len(recycled(house)) >= 2, 30)
    assert {row["pid"] for row in recycled(house)} >= first
    assert not any(row["crashed"] for row in house.rows.ended())


def test_the_command_line_replaces_drains_and_scales_what_a_real_supervisor_keeps(house: House) -> None:
    house.scheduler()
    supervised = supervise(house, processes=2)
    shown = wk(supervised, "workers", "ls")
    assert [(row["ready"], row["processes"]) for row in shown["supervisors"]] == [(2, 2)]
    old, kept = shown["workers"]

    wk(supervised, "workers", "recycle", old["id"][:8], "--why", "it smells")
    supervised.full_again(2, {old["pid"]})
    wait_until(lambda: len(house.rows.ended()) == 1, 30)
    (ended,) = house.rows.ended()
    assert ended["id"] == old["id"] and ended["recycle_why"].startswith("it smells (by ")

    wk(supervised, "workers", "drain", kept["id"])
    wait_until(lambda: len(supervised.pids) == 1 and len(house.rows.alive()) == 1, 30)
    assert "1 of 2 supervised ones ready" in _status(supervised)

    assert wk(supervised, "workers", "scale", "3")["obeyed"] is True
    wait_until(lambda: len(supervised.pids) == 3, 30)
    with reading(house.rows.engine) as connection:
        assert connection.execute(select(supervisors.c.processes)).scalar_one() == 3


def _status(supervised: Supervised) -> str:
    ran = supervised.house.processes.watchkeeper("status")
    ran.ended()
    return ran.output()
