"""A supervisor that sees its worker die rings: the scheduler returns the jobs before it is its rescuer's turn."""

import os
import signal

import pytest

from tests.e2e.house import House
from tests.e2e.supervised import supervise
from tests.waiting import wait_until

RUNG_ONLY = """
import signal, sys
from scheduler.scheduler import Scheduler
from shared.logs import configure_logging
from shared.settings import load_settings

configure_logging(room="scheduler", format="console", level="info")
scheduler = Scheduler(load_settings(), rescue_seconds=3600.0)
signal.signal(signal.SIGTERM, lambda *_: scheduler.stop())
sys.exit(scheduler.run())
"""


@pytest.mark.timeout(180)
def test_the_job_of_a_killed_worker_goes_on_though_the_rescuer_would_not_look_for_an_hour(house: House) -> None:
    script = house.processes.folder / "rung_only.py"
    script.write_text(RUNG_ONLY)
    scheduler = house.processes.script(script)
    scheduler.says("scheduler.ready")
    supervised = supervise(house)
    job = house.client.enqueue("default", "go [[slow=2]]")
    wait_until(house.llm_requests, 30)
    holder = house.holder(job.id)
    assert holder is not None

    os.kill(holder, signal.SIGKILL)

    house.done(job.id)
    assert house.rows.events(job.id) == ["crashed", "rescued"]
    supervised.full_again(2, {holder})
    assert scheduler.stop() == 0
