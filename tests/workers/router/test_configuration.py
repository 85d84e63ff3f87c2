"""Routes are swapped whole, for any other generation, and kept when a new one cannot be built."""

import asyncio
import json

import pytest
import structlog
from sqlalchemy import delete, insert, update

from shared.db.tables import snapshots
from shared.errors import ConfigurationError
from shared.vault import Vault
from tests.configured import Configured, Provider
from watchkeeper.engine import build_engine
from workers.router.configuration import Configuration

A = Provider("alpha", ("alpha-secret-key-0001",))
B = Provider("beta", ("beta-secret-key-0001",))
OTHER_KEY = "b3RoZXItbWFzdGVyLWtleS1vZi1hbm90aGVyLWhvdXM="


async def test_the_same_generation_asks_nobody(configured: Configured) -> None:
    configured.publish(A)
    configuration = Configuration(configured.engine, configured.vault, "here")
    before = configuration.routes
    configured.engine.dispose()
    assert await configuration.current(before.generation) is before


async def test_another_generation_is_loaded_once_by_all_who_ask_together(configured: Configured) -> None:
    configured.publish(A)
    configuration = Configuration(configured.engine, configured.vault, "here")
    newest = configured.publish(B).generation

    with structlog.testing.capture_logs() as events:
        found = await asyncio.gather(*(configuration.current(newest) for _ in range(50)))

    assert {id(routes) for routes in found} == {id(configuration.routes)}
    assert configuration.routes.generation == newest
    assert [event["event"] for event in events] == ["config.swapped"]


async def test_when_redis_does_not_know_sql_is_asked(configured: Configured) -> None:
    configured.publish(A)
    configuration = Configuration(configured.engine, configured.vault, "here")
    newest = configured.publish(B).generation
    assert (await configuration.current(None)).generation == newest


async def test_a_restored_database_with_a_lower_generation_is_followed(configured: Configured) -> None:
    first = configured.publish(A).generation
    second = configured.publish(B).generation
    configuration = Configuration(configured.engine, configured.vault, "here")
    with configured.engine.begin() as connection:
        connection.execute(delete(snapshots).where(snapshots.c.generation == second))

    routes = await configuration.current(first)

    assert routes.generation == first
    assert [c.provider.name for c in routes.candidates("default")] == ["alpha"]


@pytest.mark.parametrize("content", ["no json", "{}", json.dumps({"providers": [{"surprise": 1}]}), "[]", "null"])
async def test_a_snapshot_that_cannot_be_built_keeps_the_last_good_one_and_is_told_once(
    content: str, configured: Configured
) -> None:
    good = configured.publish(A).generation
    configuration = Configuration(configured.engine, configured.vault, "here")
    bad = configured.publish(B).generation
    with configured.engine.begin() as connection:
        connection.execute(update(snapshots).where(snapshots.c.generation == bad).values(content=content))

    with structlog.testing.capture_logs() as events:
        routes = [
            await configuration.current(bad),
            await configuration.current(bad),
            await configuration.current(None),
        ]

    assert {found.generation for found in routes} == {good}
    assert [event["event"] for event in events] == ["config.unusable"]


@pytest.mark.parametrize("content", ["no json", "{}", "null"])
async def test_a_worker_that_starts_on_a_damaged_snapshot_is_told_what_to_do_and_a_good_one_can_be_published(
    content: str, configured: Configured
) -> None:
    bad = configured.publish(A).generation
    with configured.engine.begin() as connection:
        connection.execute(update(snapshots).where(snapshots.c.generation == bad).values(content=content))
    with pytest.raises(ConfigurationError, match=f"generation {bad} .* cannot be read .* config rollback"):
        Configuration(configured.engine, configured.vault, "here")
    configured.publish(B)
    assert Configuration(configured.engine, configured.vault, "here").routes.generation == bad + 1


async def test_a_mended_snapshot_after_a_bad_one_is_taken(configured: Configured) -> None:
    configured.publish(A)
    configuration = Configuration(configured.engine, configured.vault, "here")
    with configured.engine.begin() as connection:
        connection.execute(
            insert(snapshots).values(generation=2, content="{", digest="", author="test", comment="", published_at=0)
        )
    await configuration.current(2)
    with configured.engine.begin() as connection:
        connection.execute(delete(snapshots).where(snapshots.c.generation == 2))
    configured.publish(B)
    with configured.engine.begin() as connection:
        connection.execute(update(snapshots).where(snapshots.c.generation == 2).values(generation=3))

    assert (await configuration.current(3)).generation == 3


async def test_keys_that_cannot_be_opened_keep_the_last_good_one(configured: Configured) -> None:
    good = configured.publish(A).generation
    configuration = Configuration(configured.engine, configured.vault, "here")
    stranger = Configured(configured.engine, configured.redis, configured.sandbox_url, Vault([OTHER_KEY]))
    bad = stranger.publish(B).generation
    with structlog.testing.capture_logs() as events:
        assert (await configuration.current(bad)).generation == good
    assert "beta-secret" not in repr(events)


async def test_a_restored_database_that_uses_the_number_again_for_other_content_is_noticed(
    configured: Configured,
) -> None:
    configured.publish(A)
    lost = configured.publish(B).generation
    configuration = Configuration(configured.engine, configured.vault, "here")
    with configured.engine.begin() as connection:
        connection.execute(delete(snapshots).where(snapshots.c.generation == lost))
    assert configured.publish(B, timeout_seconds=7).generation == lost

    await configuration.verify()

    agent = configuration.routes.agent("default")
    assert agent is not None
    assert (configuration.routes.generation, agent.timeout_seconds) == (lost, 7)
    assert configuration.swapped.is_set()


async def test_what_is_as_it_was_is_not_loaded_again(configured: Configured) -> None:
    configured.publish(A)
    configuration = Configuration(configured.engine, configured.vault, "here")
    before = configuration.routes
    await configuration.verify()
    assert configuration.routes is before


async def test_without_sql_there_is_nothing_to_compare_and_nobody_waits(configured: Configured) -> None:
    configured.publish(A)
    away = build_engine("postgresql://nobody@127.0.0.1:1/away")
    configuration = Configuration(configured.engine, configured.vault, "here")
    before, configuration._engine = configuration.routes, away
    await configuration.verify()
    away.dispose()
    assert configuration.routes is before
