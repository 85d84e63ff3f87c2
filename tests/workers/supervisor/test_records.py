"""What the supervisor writes to SQL."""

from sqlalchemy import select

from shared.db.reading import reading
from shared.db.tables import supervisors
from tests.rows import Rows
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
