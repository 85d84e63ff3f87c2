"""`.env` is followed: what is added serves, what is removed goes, what is broken changes nothing."""

import os
from pathlib import Path

import pytest
import structlog
from redis import Redis
from sqlalchemy import Engine, insert

from scheduler.environment_watch import EnvironmentWatch
from shared.config.editing_agents import add_agent
from shared.config.publishing import load_newest, publish
from shared.config.snapshot import Snapshot
from shared.db.reading import reading
from shared.db.tables import models, provider_keys, providers
from shared.redis.names import GENERATION
from shared.secret import Secret
from tests.configured import Configured
from watchkeeper.clock import db_now

GROQ = "gsk_groqgroqgroqgroqgroq0001"
SANDBOX = "SANDBOX_API_KEY=sandbox-key-0001\nSANDBOX_API_BASE=http://127.0.0.1:1/v1\n"


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.env` of the leader's working directory; nothing comes from the tests' own environment."""
    for name in list(os.environ):
        if "_API_" in name:
            monkeypatch.delenv(name)
    return tmp_path / ".env"


@pytest.fixture
def configured(engine: Engine, client: Redis) -> Configured:
    """The installation."""
    return Configured(engine, client, "http://127.0.0.1:1")


@pytest.fixture
def watch(configured: Configured, env_file: Path) -> EnvironmentWatch:
    """The part under test."""
    return EnvironmentWatch(configured.engine, configured.redis, configured.sealer, env_file.parent)


def look(watch: EnvironmentWatch) -> bool:
    """Two runs: a change is used when it was seen twice. True when something was published."""
    return any([watch.run_once(0), watch.run_once(0)])


def newest(engine: Engine) -> Snapshot:
    """What workers run on."""
    with reading(engine) as connection:
        return load_newest(connection)


def labels(engine: Engine) -> list[str]:
    """The keys workers use, in order."""
    return [key.label for key in newest(engine).keys]


def test_a_key_added_to_the_file_is_published_and_a_removed_one_is_gone(
    watch: EnvironmentWatch, env_file: Path, engine: Engine, client: Redis
) -> None:
    env_file.write_text(f"GROQ_API_KEY={GROQ}\n")
    assert look(watch)
    assert labels(engine) == ["GROQ_API_KEY"]
    assert newest(engine).agents["default"].models == ("groq/llama-3.3-70b-versatile",)
    assert client.get(GENERATION) == "1"
    assert not look(watch)

    env_file.write_text(f"GROQ_API_KEY_2={GROQ[:-1]}2\nGROQ_API_KEY_1={GROQ}\n")
    assert look(watch)
    assert labels(engine) == ["GROQ_API_KEY_1", "GROQ_API_KEY_2"]

    env_file.unlink()
    assert look(watch)
    assert labels(engine) == []
    assert newest(engine).providers == {}
    assert client.get(GENERATION) == "3"


def test_keys_that_change_places_change_their_order_and_names(
    watch: EnvironmentWatch, env_file: Path, engine: Engine, configured: Configured
) -> None:
    other = f"{GROQ[:-1]}2"
    env_file.write_text(f"GROQ_API_KEY_1={GROQ}\nGROQ_API_KEY_2={other}\n")
    look(watch)
    env_file.write_text(f"GROQ_API_KEY_1={other}\nGROQ_API_KEY_2={GROQ}\n")
    look(watch)
    keys = [(key.label, key.fingerprint) for key in newest(engine).keys]
    assert keys == [
        ("GROQ_API_KEY_1", configured.fingerprint(other)),
        ("GROQ_API_KEY_2", configured.fingerprint(GROQ)),
    ]


def test_a_replaced_secret_under_the_same_name_is_another_key(
    watch: EnvironmentWatch, env_file: Path, engine: Engine
) -> None:
    env_file.write_text(f"GROQ_API_KEY={GROQ}\n")
    look(watch)
    (before,) = newest(engine).keys
    env_file.write_text(f"GROQ_API_KEY={GROQ[:-1]}9\n")
    look(watch)
    (after,) = newest(engine).keys
    assert after.label == before.label
    assert after.fingerprint != before.fingerprint


@pytest.mark.parametrize(
    "broken", [f"GROQ_API_KEY={GROQ}\nthis is no line\n", 'GROQ_API_KEY="never closed\n', "GROQ_API_KEY=two words\n"]
)
def test_a_broken_file_changes_nothing_and_is_told_once(
    broken: str, watch: EnvironmentWatch, env_file: Path, engine: Engine
) -> None:
    env_file.write_text(f"GROQ_API_KEY={GROQ}\n")
    look(watch)
    before = newest(engine)
    env_file.write_text(broken)

    with structlog.testing.capture_logs() as events:
        assert not any(watch.run_once(0) for _ in range(5))

    assert newest(engine) == before
    assert [event["event"] for event in events] == ["environment.unusable"]
    assert GROQ not in repr(events)
    assert "two words" not in repr(events)

    env_file.write_text(f"GROQ_API_KEY={GROQ[:-1]}7\n")
    assert look(watch)


def test_the_sandbox_serves_only_while_there_is_no_real_key(
    watch: EnvironmentWatch, env_file: Path, engine: Engine
) -> None:
    env_file.write_text(SANDBOX)
    look(watch)
    assert set(newest(engine).providers) == {"sandbox"}

    env_file.write_text(SANDBOX + f"GROQ_API_KEY={GROQ}\n")
    look(watch)

    assert set(newest(engine).providers) == {"groq"}
    assert labels(engine) == ["GROQ_API_KEY"]
    assert newest(engine).agents["default"].models == ("groq/llama-3.3-70b-versatile",)


def test_a_key_of_the_database_comes_before_the_environments_and_the_same_secret_is_one_key(
    watch: EnvironmentWatch, configured: Configured, env_file: Path, engine: Engine
) -> None:
    sealer = configured.sealer
    with engine.begin() as connection:
        connection.execute(
            insert(providers).values(name="groq", kind="groq", auth="key", priority=1, source="database")
        )
        connection.execute(
            insert(models).values(
                id="groq/mine", display_name="", type="chat", provider="groq", remote_name="mine", source="database"
            )
        )
        connection.execute(
            insert(provider_keys).values(
                provider="groq",
                label="Groq key 1",
                sealed=sealer.vault.seal(Secret(GROQ)),
                fingerprint=configured.fingerprint(GROQ),
                mask="...",
                priority=500,
                source="database",
                created_at=db_now(),
            )
        )
    env_file.write_text(f"GROQ_API_KEY_1={GROQ}\nGROQ_API_KEY_2={GROQ[:-1]}2\n")

    look(watch)

    assert labels(engine) == ["Groq key 1", "GROQ_API_KEY_2"]
    assert newest(engine).agents["default"].models == ("groq/mine",)


def test_redis_away_publishes_all_the_same(
    configured: Configured, env_file: Path, engine: Engine, away: Redis
) -> None:
    env_file.write_text(f"GROQ_API_KEY={GROQ}\n")
    assert EnvironmentWatch(engine, away, configured.sealer, env_file.parent).run_once(0)
    assert newest(engine).generation == 1


def test_a_file_is_used_once_it_stands_still(watch: EnvironmentWatch, env_file: Path, engine: Engine) -> None:
    env_file.write_text(f"GROQ_API_KEY={GROQ}\n")
    assert watch.run_once(0), "the first look counts at once"
    whole = f"GROQ_API_KEY_1={GROQ}\nGROQ_API_KEY_2={GROQ[:-1]}2\n"

    for end in (0, 10, 30, len(whole)):
        env_file.write_text(whole[:end])
        with structlog.testing.capture_logs() as events:
            assert not watch.run_once(0)
        assert events == []
    assert labels(engine) == ["GROQ_API_KEY"]

    assert watch.run_once(0)
    assert labels(engine) == ["GROQ_API_KEY_1", "GROQ_API_KEY_2"]


def test_agents_that_lose_everybody_are_named_and_the_environment_counts_all_the_same(
    watch: EnvironmentWatch, env_file: Path, engine: Engine
) -> None:
    env_file.write_text(f"GROQ_API_KEY={GROQ}\nOPENAI_API_KEY=sk-0123456789abcdef\n")
    look(watch)
    with engine.begin() as connection:
        add_agent(connection, "a", {"models": ["groq/llama-3.3-70b-versatile"]})
        publish(connection, author="test", comment="")
    env_file.write_text("OPENAI_API_KEY=sk-0123456789abcdef\n")

    with structlog.testing.capture_logs() as events:
        assert look(watch)

    (told,) = [event for event in events if event["event"] == "config.agents_unserved"]
    assert told["agents"] == ["a"]
