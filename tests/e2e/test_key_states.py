"""A dead key stays dead through a wipe of Redis, and its replacement is used without a restart."""

import json

import pytest
from sqlalchemy import select

from shared.db.reading import reading
from shared.db.tables import key_events, key_standings
from shared.redis.names import GENERATION, KEY_STATES
from tests.e2e.house import House
from tests.waiting import wait_until

DEAD, SPARE, MENDED = (f"sk-e2e-secret-of-the-{name}-key" for name in ("dead", "spare", "mended"))
ONLY_FROM_THE_FILE = {"GROQ_API_KEY_1": "", "GROQ_API_KEY_2": ""}


def write_env(house: House, first: str) -> None:
    """The keys, as a person writes them down."""
    (house.processes.folder / ".env").write_text(
        f"OPENAI_API_KEY_1={first}\nOPENAI_API_KEY_2={SPARE}\nOPENAI_API_BASE={house.sandbox_url}/v1\n"
    )


def served(house: House, jobs: int) -> None:
    """So many jobs, each to its end."""
    for job in [house.client.enqueue("default", "hello") for _ in range(jobs)]:
        house.done(job.id)


def in_redis(house: House) -> dict[str, dict[str, object]]:
    """Who is set aside."""
    return {_text(subject): json.loads(text) for subject, text in house.redis.hgetall(KEY_STATES).items()}


def _text(stored: bytes | str) -> str:
    return stored if isinstance(stored, str) else stored.decode()


def in_sql(house: House) -> dict[str, dict[str, object]]:
    """The same, as SQL has it."""
    with reading(house.rows.engine) as connection:
        return {row.subject: json.loads(row.standing) for row in connection.execute(select(key_standings))}


def story(house: House) -> list[str]:
    """What happened to keys, by name."""
    with reading(house.rows.engine) as connection:
        return list(connection.execute(select(key_events.c.event).order_by(key_events.c.id)).scalars())


@pytest.mark.slow
def test_a_dead_key_is_asked_once_survives_a_wipe_and_its_replacement_is_used_without_a_restart(house: House) -> None:
    write_env(house, DEAD)
    house.sandbox.set_key(DEAD, "invalid")
    scheduler = house.scheduler(**ONLY_FROM_THE_FILE)
    workers = [house.worker(**ONLY_FROM_THE_FILE) for _ in range(2)]

    served(house, 1)
    ((subject, standing),) = in_redis(house).items()
    assert (standing["state"], standing["cause"]) == ("quarantined", "auth_invalid")
    assert house.sandbox.key_total(DEAD) == 1
    wait_until(lambda: in_sql(house) == {subject: standing})
    served(house, 5)

    for _ in range(2):
        house.redis.flushall()
        wait_until(lambda: in_redis(house) == {subject: standing})
        served(house, 5)
    assert house.sandbox.key_total(DEAD) == 1
    assert story(house) == ["set_aside", "restored"]

    before = int(house.redis.get(GENERATION) or 0)
    write_env(house, MENDED)
    wait_until(lambda: int(house.redis.get(GENERATION) or 0) > before)
    served(house, 3)

    assert house.sandbox.key_total(MENDED) == 3
    assert house.sandbox.key_total(DEAD) == 1
    assert [running.stop() for running in (*workers, scheduler)] == [0, 0, 0]
