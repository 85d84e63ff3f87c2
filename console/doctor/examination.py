"""Which checks are made, in which order; those that need SQL are left out while it is away."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import redis
from sqlalchemy import Connection, Engine

from console.doctor import fleet, host, stores
from console.doctor.check import Check, Finding, Level, run_checks
from shared.clock import Clock
from shared.db.problems import translated
from shared.db.reading import reading
from shared.environment import read_environment
from shared.errors import ConfigurationError
from shared.redis.connect import connect_redis
from shared.settings import Settings, load_settings
from watchkeeper.engine import build_engine


def examine(directory: Path, clock: Clock) -> list[Finding]:
    """Every finding for the Watchkeeper that `directory` and the environment name."""
    environ = _environ(directory)
    findings = run_checks(
        [
            Check("python", host.check_python),
            Check(".env", lambda: host.check_env_file(directory)),
            Check("settings", lambda: host.check_settings(environ)),
        ]
    )
    try:
        settings = load_settings(environ)
    except ConfigurationError:
        return findings  # told already, and without settings nobody knows where the stores are
    findings += run_checks([Check("home", lambda: host.check_home(settings.locations.home))])
    client = connect_redis(settings.locations.redis_url, connections=1)
    try:
        findings += run_checks(
            [Check("redis", lambda: stores.check_redis_store(client, settings.locations.redis_url))]
        )
        redis_answers = findings[-1].level is not Level.FAIL
        return findings + _of_sql(settings, client if redis_answers else None, clock)
    finally:
        client.close()


def _of_sql(settings: Settings, client: "redis.Redis | None", clock: Clock) -> list[Finding]:
    locations = settings.locations
    if locations.embedded_database and not (locations.home / "watchkeeper.db").exists():
        words = f"there is no database at {locations.home} yet"
        return [Finding("sql", Level.FAIL, words, "watchkeeper up (or set DATABASE_URL)", stores=True)]
    try:
        engine = build_engine(locations.database_url, pool_size=1, application_name="watchkeeper-doctor")
    except ConnectionError as error:
        return [Finding("sql", Level.FAIL, str(error), "correct DATABASE_URL", stores=True)]
    try:
        findings = run_checks([Check("sql", lambda: stores.check_sql(engine))])
        if findings[-1].level is Level.FAIL:
            return findings
        return findings + run_checks(_checks(settings, engine, client, clock))
    finally:
        engine.dispose()


def _checks(settings: Settings, engine: Engine, client: "redis.Redis | None", clock: Clock) -> list[Check]:
    def look(ask: Callable[[Connection], list[Finding]]) -> Callable[[], list[Finding]]:
        def asked() -> list[Finding]:
            with translated(engine.url), reading(engine) as connection:
                return ask(connection)

        return asked

    checks = [
        Check("master key", lambda: stores.check_master_key(settings, engine)),
        Check("clock", lambda: stores.check_clock(engine, clock)),
        Check("scheduler", look(fleet.check_scheduler)),
        Check("workers", look(fleet.check_workers)),
        Check("supervisors", look(fleet.check_supervisors)),
        Check("environment keys", look(lambda connection: fleet.check_environment_keys(connection, settings))),
    ]
    if client is not None:
        checks += [
            Check("agents", look(lambda connection: fleet.check_agents(connection, client))),
            Check("keys", look(lambda connection: fleet.check_keys(connection, client))),
            Check("queue", lambda: stores.check_wake_ups(engine, client)),
        ]
    return checks


def _environ(directory: Path) -> Mapping[str, str]:
    """The environment over `.env`; without `.env` when that is broken, which is a finding of its own."""
    try:
        return read_environment(directory)
    except ConfigurationError:
        return dict(os.environ)
