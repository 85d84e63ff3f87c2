"""Checks of the stores: reachable, fit, migrated, opened by our master key, on our time."""

import redis
from sqlalchemy import Engine, func, select

from console.doctor.check import Finding, Level
from shared.clock import Clock
from shared.db.migrate import require_current
from shared.db.problems import translated
from shared.db.reading import reading
from shared.db.tables import jobs, provider_keys
from shared.errors import DatabaseVersionError, MasterKeyError, RedisUnavailable, StoreError
from shared.redis.checks import check_redis
from shared.redis.connect import redis_problems
from shared.settings import Settings
from shared.stores import open_vault
from watchkeeper.clock import db_now
from watchkeeper.contract import WAKE_QUEUE
from watchkeeper.states import JobState

_TOLERATED_MS = 2_000
_START = "watchkeeper up"


def check_redis_store(client: "redis.Redis", url: str) -> list[Finding]:
    """Redis answers, keeps what it is given, and forgets nothing at a crash."""
    try:
        with redis_problems(url):
            health = check_redis(client)
    except RedisUnavailable as error:
        mend = f"{_START} (or watchkeeper store)" if url.startswith("unix://") else "start it, or correct REDIS_URL"
        return [Finding("redis", Level.FAIL, str(error), mend, stores=True)]
    findings = [Finding("redis", Level.OK, f"version {health.version} answers")]
    for warning in health.warnings:
        words, _, mend = warning.partition("; run ")
        findings.append(Finding("redis", Level.WARN, words, mend or None))
    return findings


def check_sql(engine: Engine) -> list[Finding]:
    """SQL answers and has this version's tables."""
    try:
        require_current(engine)
    except DatabaseVersionError as error:
        return [Finding("sql", Level.FAIL, str(error), "watchkeeper migrate", stores=True)]
    except StoreError as error:
        return [Finding("sql", Level.FAIL, str(error), "start it, or correct DATABASE_URL", stores=True)]
    return [Finding("sql", Level.OK, f"{engine.dialect.name} answers, at this version's schema")]


def check_master_key(settings: Settings, engine: Engine) -> list[Finding]:
    """The master key opens every stored secret."""
    try:
        vault, _ = open_vault(settings, engine)
        with translated(engine.url), reading(engine) as connection:
            sealed = connection.execute(select(provider_keys.c.label, provider_keys.c.sealed)).all()
    except MasterKeyError as error:
        return [Finding("master key", Level.FAIL, str(error), "set WATCHKEEPER_MASTER_KEY, or restore master.key")]
    findings = []
    for row in sealed:
        try:
            vault.open(row.sealed)
        except MasterKeyError as error:
            findings.append(
                Finding(
                    "master key", Level.FAIL, f"key {row.label!r}: {error}", f"watchkeeper keys rotate '{row.label}'"
                )
            )
    return findings or [Finding("master key", Level.OK, f"opens all {len(sealed)} stored keys")]


def check_clock(engine: Engine, clock: Clock) -> list[Finding]:
    """This host's clock and the database's agree."""
    with translated(engine.url), reading(engine) as connection:
        before = clock.now_ms()
        theirs = connection.execute(select(db_now())).scalar_one()
        after = clock.now_ms()
    off = theirs - (before + after) // 2
    if abs(off) <= _TOLERATED_MS:
        return [Finding("clock", Level.OK, f"{abs(off)} ms between this host and the database")]
    side = "ahead of" if off > 0 else "behind"
    return [
        Finding(
            "clock", Level.WARN, f"the database is {abs(off) / 1000:.1f} s {side} this host", "synchronise with NTP"
        )
    ]


def check_wake_ups(engine: Engine, client: "redis.Redis") -> list[Finding]:
    """Jobs that are ready have a wake-up in Redis, so that they do not wait for the scheduler to send one."""
    with translated(engine.url), reading(engine) as connection:
        queued = connection.execute(
            select(func.count()).select_from(jobs).where(jobs.c.state == JobState.QUEUED)
        ).scalar_one()
    woken = int(client.zcard(WAKE_QUEUE))
    words = f"{queued} jobs are queued, {woken} wake-ups wait in Redis"
    if queued > woken:
        mend = "nothing to do while a scheduler runs: it sends the missing ones; else start watchkeeper scheduler"
        return [Finding("queue", Level.WARN, words, mend)]
    return [Finding("queue", Level.OK, words)]
