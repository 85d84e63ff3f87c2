"""What the supervisor writes to SQL."""

from sqlalchemy import select, update

from shared.db.reading import reading
from shared.db.tables import supervisors
from tests.rows import Rows
from tests.waiting import wait_until
from watchkeeper.clock import db_now
from watchkeeper.engine import build_engine
from workers.supervisor.records import Records


def test_no_text_of_a_person_holds_up_what_stands_behind_it(database_url: str) -> None:
    engine = build_engine(database_url)
    rows = Rows(engine)
    for name in ("first", "second"):
        rows.incarnation(name, supervisor="us")
    records = Records(engine, "us")
    records.open(processes=2, threads=4)
    records.draining("first", "because\0 \ud800 " + "x" * 300)
    records.draining("second", None)
    records.ended("second", "killed by signal 9 (SIGKILL)", crashed=True)
    records.close("stopped", 5.0)

    (first,) = rows.alive()
    assert first["state"] == "draining"
    assert first["recycle_why"].startswith("because ? xxx")
    assert len(first["recycle_why"]) == 200
    (second,) = rows.ended()
    assert (second["recycle_why"], second["crashed"]) == (None, True)
    with reading(engine) as connection:
        assert connection.execute(select(supervisors.c.ended_why)).scalar_one() == "stopped"
    engine.dispose()


def test_who_was_taken_for_dead_by_the_next_one_on_its_host_is_there_again_once_it_writes(database_url: str) -> None:
    engine = build_engine(database_url)
    us, next_one = Records(engine, "us"), Records(engine, "next")
    us.open(processes=2, threads=4)
    with engine.begin() as connection:  # as after a minute in which it was stopped
        connection.execute(update(supervisors).values(heartbeat_at=db_now() - 61_000))
    next_one.open(processes=2, threads=4)

    def alive() -> set[str]:
        with reading(engine) as connection:
            return set(connection.execute(select(supervisors.c.id).where(supervisors.c.ended_at.is_(None))).scalars())

    us.scaled(3)
    wait_until(lambda: alive() == {"us", "next"})
    us.close("stopped", 5.0)
    assert alive() == {"next"}
    next_one.close("stopped", 5.0)
    engine.dispose()
