"""Both stores are opened the same way everywhere, and what is wrong with them is told in words."""

from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import text

from shared.db.migrate import migrate, require_current
from shared.errors import DatabaseUnavailable, DatabaseVersionError, MasterKeyError, RedisUnavailable
from shared.redis.checks import check_redis
from shared.redis.connect import connect_redis, redis_problems
from shared.settings import Settings, load_settings
from shared.stores import open_database, open_stores
from tests.configured import MASTER_KEY
from tests.stores import PostgresServer
from watchkeeper.engine import build_engine

OTHER_KEY = "b3RoZXItbWFzdGVyLWtleS1vZi1hbm90aGVyLWhvdXM="


def settings(home: Path, **environ: str) -> Settings:
    """Settings of an installation in `home`."""
    return load_settings({"WATCHKEEPER_HOME": str(home), **environ})


def test_the_embedded_database_is_made_by_whoever_comes_first(tmp_path: Path, redis_url: str) -> None:
    given = settings(tmp_path / "home", REDIS_URL=redis_url)
    first = open_stores(given, name="test", pool_size=1)
    second = open_stores(given, name="test", pool_size=1)
    assert first.salt == second.salt
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    first.close()
    second.close()


def test_a_wrong_master_key_is_told_at_the_start_and_not_at_the_first_secret(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    right = settings(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url, WATCHKEEPER_MASTER_KEY=MASTER_KEY)
    wrong = settings(tmp_path, DATABASE_URL=database_url, REDIS_URL=redis_url, WATCHKEEPER_MASTER_KEY=OTHER_KEY)
    open_stores(right, name="test", pool_size=1).close()
    with pytest.raises(MasterKeyError, match="does not open"):
        open_stores(wrong, name="test", pool_size=1)
    open_stores(right, name="test", pool_size=1).close()


def test_an_external_database_is_never_migrated_by_itself(postgres_server: PostgresServer, tmp_path: Path) -> None:
    postgres_server.execute("CREATE DATABASE {} TEMPLATE template0", "bare")
    url = postgres_server.url_of("bare")
    with pytest.raises(DatabaseVersionError, match="`watchkeeper migrate`"):
        open_database(settings(tmp_path, DATABASE_URL=url), name="test", pool_size=1)
    engine = build_engine(url)
    assert migrate(engine)[0] is None
    before, after = migrate(engine)
    assert before == after
    require_current(engine)
    engine.dispose()
    postgres_server.execute("DROP DATABASE {} WITH (FORCE)", "bare")


def test_a_database_of_a_newer_version_is_left_alone(database_url: str) -> None:
    engine = build_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for look in (require_current, migrate):
        with pytest.raises(DatabaseVersionError, match="newer than this code"):
            look(engine)
    engine.dispose()


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    given = settings(tmp_path, DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/x")
    with pytest.raises(DatabaseUnavailable, match="is DATABASE_URL right") as raised:
        open_database(given, name="test", pool_size=1)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:hunter2@127.0.0.1:1/0", r"127\.0\.0\.1:1/0 does not answer.*REDIS_URL"),
        ("unix:///nowhere/valkey.sock?password=hunter2", "watchkeeper store"),
    ],
)
def test_a_redis_that_is_not_there_is_told_without_its_password(url: str, words: str) -> None:
    client = connect_redis(url, connections=1)
    with pytest.raises(RedisUnavailable, match=words) as raised, redis_problems(url):
        client.ping()
    assert "hunter2" not in str(raised.value)
    client.close()


def test_a_redis_that_may_forget_is_told_with_the_mend(redis_url: str) -> None:
    with Redis.from_url(redis_url, decode_responses=True) as client:
        (words,) = check_redis(client).warnings
        assert "appendonly yes" in words
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "maxmemory-policy noeviction" in check_redis(client).warnings[0]
        finally:
            client.config_set("maxmemory-policy", "noeviction")


def test_a_client_has_no_more_connections_than_it_was_given(redis_url: str) -> None:
    client = connect_redis(redis_url, connections=2)
    taken = [client.connection_pool.get_connection() for _ in range(2)]
    assert len(taken) == 2
    assert client.connection_pool.max_connections == 2
    for connection in taken:
        client.connection_pool.release(connection)
    client.close()
