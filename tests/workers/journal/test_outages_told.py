"""What PostgreSQL says when it cannot serve is an outage: the writer holds what it has and tries again."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import make_url
from structlog.testing import capture_logs

from tests.rows import Rows
from tests.stores import PostgresServer
from tests.workers.router.station import eventually
from watchkeeper.engine import build_engine
from workers.journal.claiming import Claim
from workers.journal.database import Prepared
from workers.journal.dialects import open_database
from workers.journal.notes import Heartbeat
from workers.journal.writer import JournalWriter

OUTAGES = {
    "25006": "a standby, or a disk that is kept from filling up",
    "40001": "serialization",
    "40P01": "deadlock",
    "53000": "resources",
    "53100": "disk full",
    "53200": "out of memory",
    "53300": "too many connections",
    "53400": "a limit of its configuration",
    "57014": "statement timeout",
    "57P01": "shutting down",
    "57P02": "crashed",
    "57P03": "starting up, or in recovery",
    "58030": "input or output",
    "08006": "connection failure",
    "55P03": "lock timeout",
}


def raising(code: str) -> Any:
    """A statement that PostgreSQL refuses so."""
    prepared = Prepared.__new__(Prepared)
    prepared.text = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
    prepared.constants = {}
    return prepared


@pytest.mark.parametrize("code", OUTAGES)
def test_it_is_told_from_a_mistake(postgres_url: str, code: str) -> None:
    database = open_database(postgres_url)
    with pytest.raises(Exception, match="no") as raised:
        database.run(raising(code), {})
    assert database.is_outage(raised.value)
    database.close()


@pytest.mark.parametrize(
    ("refuse", "again", "word"),
    [
        ("SET default_transaction_read_only = on", "RESET default_transaction_read_only", "ReadOnly"),
        ("ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true", "not currently accepting"),
    ],
)
async def test_what_waits_is_done_once_the_server_takes_it_again(
    postgres_server: PostgresServer, postgres_url: str, refuse: str, again: str, word: str
) -> None:
    engine = build_engine(postgres_url, application_name="test")
    (job_id,) = Rows(engine).enqueue()
    engine.dispose()
    name = make_url(postgres_url).database or ""
    writer = JournalWriter(postgres_url)
    writer.start()
    postgres_server.execute(f"ALTER DATABASE {{}} {refuse}", name)
    with capture_logs() as logs:
        claim = asyncio.ensure_future(writer.do(Claim(job_id, "A")))
        await eventually(lambda: any(entry["event"] == "journal.outage" for entry in logs))
        assert writer.stalled
        assert not claim.done()
        assert word in next(entry["error"] for entry in logs if entry["event"] == "journal.outage")
        postgres_server.execute(f"ALTER DATABASE {{}} {again}", name)
        assert await asyncio.wait_for(claim, 10) is not None
    assert not writer.stalled
    assert await asyncio.to_thread(writer.close, 10)


async def test_an_outage_that_goes_on_for_another_reason_is_told_again(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    name = make_url(postgres_url).database or ""
    writer = JournalWriter(postgres_url)
    writer.start()
    postgres_server.execute("ALTER DATABASE {} SET default_transaction_read_only = on", name)
    with capture_logs() as logs:

        def told() -> list[str]:
            return [entry["error"] for entry in logs if entry["event"] == "journal.outage"]

        claim = asyncio.ensure_future(writer.do(Heartbeat("A", 1, 0, 0, 1, 1, 0, False)))
        await eventually(told)
        postgres_server.execute("ALTER DATABASE {} ALLOW_CONNECTIONS false", name)
        await eventually(lambda: len(told()) == 2)
        postgres_server.execute("ALTER DATABASE {} ALLOW_CONNECTIONS true", name)
        postgres_server.execute("ALTER DATABASE {} RESET default_transaction_read_only", name)
        assert await asyncio.wait_for(claim, 10) is False
    assert "ReadOnly" in told()[0]
    assert "not currently accepting" in told()[1]
    assert await asyncio.to_thread(writer.close, 10)
