"""Statements compiled once: text and constants are what SQLAlchemy itself would run."""

import pytest
from sqlalchemy import bindparam, make_url, select

from shared.db.tables import jobs
from workers.journal.database import Prepared
from workers.journal.dialects import dialect_of, open_database
from workers.journal.statements import Statements


def test_a_statement_keeps_the_values_it_was_written_with_and_leaves_the_others_open(database_url: str) -> None:
    statement = select(jobs.c.id).where(jobs.c.priority == 2, jobs.c.id == bindparam("job_id"))
    prepared = Prepared(statement, dialect_of(database_url))
    assert prepared.constants == {"priority_1": 2}
    assert "job_id" in prepared.text
    assert "priority_1" in prepared.text


def test_every_statement_of_the_writer_is_understood_by_its_database(database_url: str) -> None:
    database = open_database(database_url)
    statements = Statements(dialect_of(database_url))
    ids = {"job_id": "none", "incarnation": "none", "alone": 0, "conversation_id": "none", "page": 8, "offset": 0}
    ids |= {"alone": 0, "ids": "[]"}
    given = {
        "claim": {"job_id", "incarnation", "alone"},
        "cancels_asked": {"incarnation", "ids"},
        "held_by": {"incarnation"},
        "journal": {"job_id"},
        "history": {"conversation_id", "page", "offset"},
        "standing": {"job_id"},
        "next_in_conversation": {"conversation_id"},
    }
    for name, parameters in given.items():
        assert database.rows(getattr(statements, name), {key: ids[key] for key in parameters}) == []
    assert database.rows(statements.advance, {"job_id": "none", "token": 1, "number": 1, "more": 1}) == []
    for name in ("tool_starts", "written_by", "started_by"):
        assert database.rows(getattr(statements, name), {"job_id": "none", "number": 1}) == []
    assert database.run(statements.start_tool, {"job_id": "none", "token": 1, "number": 1, "tool": "t"}) == 0
    vitals = {"jobs_done": 0, "rss_mb": 1, "connections": 1, "loop_lag_ms": 0, "state": None}
    assert database.run(statements.heartbeat, {"incarnation": "none", "generation": 1, "running": 0, **vitals}) == 0
    database.close()


def test_an_outage_is_told_from_a_mistake(database_url: str, postgres_url: str) -> None:
    database = open_database(database_url)
    mistake = Prepared(select(jobs.c.id.label("x")).where(jobs.c.id == bindparam("absent")), dialect_of(database_url))
    with pytest.raises(Exception, match="absent") as raised:
        database.rows(mistake, {})
    assert not database.is_outage(raised.value)
    assert not database.is_conflict(raised.value)
    database.close()
    nowhere = make_url(postgres_url).update_query_dict({"host": "/nowhere"}).render_as_string(hide_password=False)
    with pytest.raises(Exception, match="nowhere"):
        open_database(nowhere)
