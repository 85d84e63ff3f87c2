"""SQL is silent while workers start, or while a host is drained: nobody gives up, no job waits for heartbeats."""

import os
import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import make_url

from tests.chaos.outages_proxy import Proxy, Way, open_proxy
from tests.e2e.house import House
from tests.e2e.supervised import Supervised, supervise
from tests.waiting import wait_until
from workers.supervisor.budget import UNBORN

SHORT = """
import signal, sys
from shared.logs import configure_logging
from shared.settings import load_settings
from workers.supervisor.controller import Controller

configure_logging(room="worker", format="console", level="info")
controller = Controller(load_settings(), supervisor="{supervisor}", processes=1, start_seconds=3.5)
signal.signal(signal.SIGTERM, lambda *_: controller.stop())
sys.exit(controller.run())
"""


@pytest.fixture
def proxy(house: House) -> Iterator[Proxy]:
    """The way to the house's database."""
    with open_proxy(f"{make_url(house.database_url).query['host']}/.s.PGSQL.5432") as proxy:
        yield proxy


def through(proxy: Proxy, house: House) -> str:
    """The database's address behind the proxy."""
    url = make_url(house.database_url).set(host="127.0.0.1", port=proxy.port, query={})
    return url.render_as_string(hide_password=False)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_workers_that_cannot_start_because_sql_is_silent_are_not_the_end_of_their_supervisor(
    house: House, proxy: Proxy
) -> None:
    supervisor = str(uuid4())
    script = house.processes.folder / "short.py"
    script.write_text(SHORT.format(supervisor=supervisor))
    running = house.processes.script(script, DATABASE_URL=through(proxy, house))
    running.says("supervisor.ready", 60)
    supervised = Supervised(house, running, supervisor)
    (first,) = wait_until(lambda: supervised.pids, 30)

    proxy.set(Way.FROZEN)
    os.kill(first, signal.SIGKILL)
    # One that lived, and as many that could not start as end a supervisor.
    wait_until(lambda: running.output().count("worker.died") > UNBORN or "giving_up" in running.output(), 120)
    assert "supervisor.giving_up" not in running.output()
    assert "worker.killed" not in running.output()  # it was waited for, and ended by itself

    proxy.set(Way.OPEN)
    supervised.full_again(1, {first}, 60)
    assert running.stop() == 0


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("way", [Way.CUT, Way.FROZEN])
def test_jobs_of_a_host_drained_while_sql_is_away_go_back_as_soon_as_it_returns(
    way: Way, house: House, proxy: Proxy
) -> None:
    url = through(proxy, house)
    house.scheduler(DATABASE_URL=url)
    supervised = supervise(house, processes=1, DATABASE_URL=url)
    job = house.client.enqueue("default", "go [[slow=30]]")
    wait_until(house.llm_requests, 30)

    proxy.set(way)
    supervised.running.signal(signal.SIGTERM)
    supervised.running.says("supervisor.stopping")
    supervised.running.signal(signal.SIGTERM)
    supervised.running.ended(60)
    assert house.rows.job(job.id)["state"] == "running"

    proxy.set(Way.OPEN)
    wait_until(lambda: house.rows.job(job.id)["state"] == "queued", 8)
