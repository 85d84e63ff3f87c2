"""`watchkeeper workers`: who works is shown, orders go to the right supervisor, and wrong ids are told why."""

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from sqlalchemy import insert, update

from shared.db.tables import incarnations, supervisors
from shared.redis.connect import connect_redis
from shared.redis.names import ORDERS
from shared.supervision.orders import Action, Order, take_orders
from tests.console.command_line import CommandLine
from tests.console.fleet import DEAD_REDIS
from watchkeeper.clock import db_now

_NUMBERS = itertools.count(1)


def supervisor(wk: CommandLine, *, host: str = "here", processes: int = 2, silent_ms: int = 0) -> str:
    """A supervisor as it enters itself."""
    id = str(uuid4())
    with wk.engine.begin() as connection:
        connection.execute(
            insert(supervisors).values(
                id=id, host=host, pid=7, started_at=db_now(), heartbeat_at=db_now() - silent_ms,
                processes=processes, threads=4,
            )
        )  # fmt: skip
    return id


def worker(wk: CommandLine, owner: str | None, **values: object) -> str:
    """A worker of `owner`. Of two that started in the same millisecond the one made first is listed first."""
    return wk.rows.incarnation(f"{next(_NUMBERS):08x}{str(uuid4())[8:]}", supervisor=owner, **values)


def orders(wk: CommandLine, owner: str) -> list[Order]:
    """What it was asked, taken."""
    return take_orders(wk.redis, owner, 0.01)


@contextmanager
def obeying(wk: CommandLine, owner: str) -> Iterator[list[Order]]:
    """A supervisor that takes one order and keeps as many workers as it says."""
    client = connect_redis(os.environ["REDIS_URL"], connections=1, block_seconds=5.0)
    taken: list[Order] = []

    def obey() -> None:
        taken.extend(take_orders(client, owner, 5.0))
        with wk.engine.begin() as connection:
            connection.execute(update(supervisors).values(processes=taken[0].processes))

    thread = threading.Thread(target=obey)
    thread.start()
    yield taken
    thread.join(10)
    client.close()


def test_workers_are_shown_with_what_their_heartbeats_told(wk: CommandLine) -> None:
    owner = supervisor(wk, processes=3)
    ready = worker(wk, owner, jobs_done=12, rss_mb=210, loop_lag_ms=4, connections=30)
    worker(wk, owner, state="draining", recycle_why="age: 50000 s")
    worker(wk, owner, heartbeat=0)
    gone = worker(wk, owner, crashed=True, ended_why="killed by signal 9")
    with wk.engine.begin() as connection:
        connection.execute(update(incarnations).where(incarnations.c.id == gone).values(ended_at=db_now()))

    data = wk.json("workers", "ls")
    assert [row["state"] for row in data["workers"]] == ["ready", "draining", "starting"]
    assert (data["workers"][0]["id"], data["workers"][0]["rss_mb"]) == (ready, 210)
    assert [(row["ready"], row["processes"]) for row in data["supervisors"]] == [(1, 3)]
    assert [row["state"] for row in wk.json("workers", "ls", "--all")["workers"]][-1] == "crashed"
    shown = wk.ok("workers", "ls", "--all").out
    for words in (ready[:8], "1 of 3", "age: 50000 s", "killed by signal 9", "210"):
        assert words in shown


def test_who_ended_as_told_is_shown_with_the_reason_and_how_long_it_lived(wk: CommandLine) -> None:
    ended = worker(wk, supervisor(wk), state="draining", recycle_why="leak (by root@here)", ended_why="stopped")
    with wk.engine.begin() as connection:
        connection.execute(
            update(incarnations)
            .where(incarnations.c.id == ended)
            .values(started_at=db_now() - 60_000, ended_at=db_now() - 50_000)
        )

    row = wk.json("workers", "ls", "--all")["workers"][-1]

    assert (row["id"], row["state"], row["why"]) == (ended, "ended", "leak (by root@here)")
    assert 9_000 < row["age_ms"] < 11_000


@pytest.mark.parametrize("action", ["recycle", "drain", "stop"])
def test_an_order_goes_to_the_workers_own_supervisor_and_names_the_incarnation(wk: CommandLine, action: str) -> None:
    owner, other = supervisor(wk), supervisor(wk, host="there")
    mine = worker(wk, owner)
    worker(wk, other)

    said = wk.ok("workers", action, mine[:8], "--why", "it smells")

    assert "asked" in said.err
    (order,) = orders(wk, owner)
    assert (order.action, order.incarnation, order.why) == (action, mine, "it smells")
    assert "@" in order.by
    assert orders(wk, other) == []


def test_all_are_rolled_by_one_order_to_each_living_supervisor(wk: CommandLine) -> None:
    owners = [supervisor(wk), supervisor(wk, host="there")]
    silent = supervisor(wk, host="lost", silent_ms=60_000)
    data = wk.json("workers", "recycle", "--all")
    assert {row["supervisor"] for row in data["supervisors"]} == set(owners)
    assert [orders(wk, owner)[0].action for owner in owners] == [Action.ROLL, Action.ROLL]
    assert not wk.redis.exists(ORDERS + silent)


def test_scale_returns_once_the_only_supervisor_has_obeyed(wk: CommandLine) -> None:
    owner = supervisor(wk)
    with obeying(wk, owner) as taken:
        data = wk.json("workers", "scale", "5")
    assert (data["obeyed"], data["processes"]) == (True, 5)
    assert [(order.action, order.processes) for order in taken] == [(Action.SCALE, 5)]


def test_with_several_supervisors_scale_wants_to_know_which(wk: CommandLine) -> None:
    here, there = supervisor(wk), supervisor(wk, host="there", processes=4)
    told = wk.refused("workers", "scale", "4")
    assert here[:8] in told and "--host" in told
    assert "no supervisor fits" in wk.refused("workers", "scale", "4", "--host", "nowhere")
    wk.ok("workers", "scale", "4", "--host", "there")
    wk.ok("workers", "scale", "4", "--supervisor", there[:10])
    assert len(orders(wk, there)) == 2 and orders(wk, here) == []


def test_a_supervisor_that_does_not_obey_is_told_of_with_the_timeouts_code(
    wk: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.cli.workers_ordering._PATIENCE_SECONDS", 0.1)
    supervisor(wk)
    ran = wk("workers", "scale", "9")
    assert ran.code == 6
    assert "has not obeyed" in ran.err


def test_a_wrong_id_is_told_why(wk: CommandLine) -> None:
    owner = supervisor(wk)
    wk.rows.incarnation("aaaa-1", supervisor=owner)
    wk.rows.incarnation("aaaa-2", supervisor=owner)
    wk.rows.incarnation("bbbb", supervisor=owner, ended_why="killed by signal 9")
    with wk.engine.begin() as connection:
        connection.execute(update(incarnations).where(incarnations.c.id == "bbbb").values(ended_at=db_now()))
    assert "there is no worker 'zzzz'" in wk.refused("workers", "drain", "zzzz")
    assert "more than one worker: aaaa-1, aaaa-2" in wk.refused("workers", "drain", "aaaa")
    assert "ended already: killed by signal 9" in wk.refused("workers", "drain", "bbbb")
    wk.refused("workers", "recycle", code=2)
    wk.refused("workers", "recycle", "aaaa-1", "--all", code=2)


def test_a_whole_id_names_its_worker_although_another_begins_with_it(wk: CommandLine) -> None:
    owner = supervisor(wk)
    for name in ("Web-1", "web-10"):
        wk.rows.incarnation(name, supervisor=owner)
    wk.ok("workers", "drain", "Web-1")
    wk.ok("workers", "drain", "web-10")
    assert [order.incarnation for order in orders(wk, owner)] == ["Web-1", "web-10"]


def test_an_order_that_nobody_would_take_is_refused(wk: CommandLine) -> None:
    silent = supervisor(wk, host="lost", silent_ms=60_000)
    mine = worker(wk, silent)
    for action in ("recycle", "drain", "stop"):
        assert "is not heard any more" in wk.refused("workers", action, mine)
    assert not wk.redis.exists(ORDERS + silent)


def test_a_worker_that_runs_one_job_alone_is_not_replaced(wk: CommandLine) -> None:
    owner = supervisor(wk)
    lone = worker(wk, owner, alone_with="job-1")
    words = wk.refused("workers", "recycle", lone)
    assert "job-1" in words
    assert "nothing to replace" in words
    assert not wk.redis.exists(ORDERS + owner)
    wk.ok("workers", "stop", lone)


def test_a_worker_without_a_supervisor_is_ended_by_hand_and_the_words_say_how(wk: CommandLine) -> None:
    lone = worker(wk, None, pid=4242)
    for action in ("recycle", "drain", "stop"):
        assert "`kill -TERM 4242` on here" in wk.refused("workers", action, lone)
    assert "no supervisor is running" in wk.refused("workers", "scale", "2")
    assert "no supervisor is running" in wk.refused("workers", "recycle", "--all")


def test_redis_away_is_told_with_its_code(wk: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = worker(wk, supervisor(wk))
    monkeypatch.setenv("REDIS_URL", DEAD_REDIS)
    assert "127.0.0.1:1" in wk.refused("workers", "drain", mine, code=3)


def test_fewer_ready_than_kept_is_degraded_and_the_doctor_names_the_host(wk: CommandLine) -> None:
    owner = supervisor(wk, processes=2)
    worker(wk, owner)
    supervisor(wk, host="lost", silent_ms=60_000, processes=0)
    status = wk("status")
    assert status.code in (4, 5)
    assert "1 of 2 workers of here are ready" in status.err
    assert "1 of 2 supervised ones ready" in status.out
    told = wk("doctor").out
    assert "here/7 has 1 of 2 workers ready" in told
    assert "lost/7 was last heard of" in told
