"""Redis says the generation that SQL says, whatever happened to it."""

from redis import Redis
from sqlalchemy import Engine, insert

from scheduler.doorbell import Doorbell
from shared.db.tables import snapshots
from shared.redis.names import GENERATION


def publish(engine: Engine, generation: int) -> None:
    """A snapshot of that number."""
    with engine.begin() as connection:
        connection.execute(
            insert(snapshots).values(
                generation=generation, content="{}", digest="", author="t", comment="", published_at=1
            )
        )


def test_before_the_first_publish_nothing_is_rung(engine: Engine, client: Redis) -> None:
    assert not Doorbell(engine, client).run_once(0)
    assert client.get(GENERATION) is None


def test_a_wiped_redis_is_told_again(engine: Engine, client: Redis) -> None:
    publish(engine, 3)
    doorbell = Doorbell(engine, client)
    assert doorbell.run_once(0)
    assert not doorbell.run_once(0)
    client.flushall()
    assert doorbell.run_once(0)
    assert client.get(GENERATION) == "3"


def test_a_redis_that_says_more_than_sql_is_corrected(engine: Engine, client: Redis) -> None:
    publish(engine, 3)
    client.set(GENERATION, 9)
    assert Doorbell(engine, client).run_once(0)
    assert client.get(GENERATION) == "3"


def test_redis_away_is_no_error(engine: Engine, away: Redis) -> None:
    publish(engine, 3)
    assert not Doorbell(engine, away).run_once(0)
