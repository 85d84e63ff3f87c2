"""Redis and SQL say the same of who is set aside: a wipe forgets nobody, a clear brings nobody back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from sqlalchemy import Engine, insert, select

from scheduler.key_states import KeyStates, compare
from shared.db.reading import reading
from shared.db.tables import key_events, key_standings
from shared.keystate import ledger
from shared.keystate.standing import Standing
from shared.redis.names import KEY_STATES, KEY_STATES_KEPT
from workers.journal.notes import TellKeyEvent
from workers.journal.writer import JournalWriter

NOW = 0
KEY = "key:f"


def standing(since_ms: int = 1, **values: Any) -> str:
    """A quarantine, as it is stored."""
    row = {"state": "quarantined", "until_ms": 9_000_000_000_000, "strikes": 1, "cause": "auth_invalid", "advice": ""}
    return json.dumps({**row, "since_ms": since_ms, **values})


stores = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 5).map(standing))


@given(stores, stores)
def test_after_a_wipe_nobody_is_forgotten(in_sql: dict[str, str], in_redis: dict[str, str]) -> None:
    found = compare(in_sql, in_redis, kept=False)
    assert found.to_forget == {}
    assert found.to_restore == {subject: text for subject, text in in_sql.items() if subject not in in_redis}


@given(stores, stores)
def test_what_was_cleared_is_never_restored(in_sql: dict[str, str], in_redis: dict[str, str]) -> None:
    found = compare(in_sql, in_redis, kept=True)
    assert found.to_restore == {}
    assert found.to_forget == {subject: text for subject, text in in_sql.items() if subject not in in_redis}


@given(stores, stores, st.booleans())
def test_the_newer_one_wins_and_then_both_are_equal(
    in_sql: dict[str, str], in_redis: dict[str, str], kept: bool
) -> None:
    found = compare(in_sql, in_redis, kept=kept)
    sql = {**in_sql, **found.to_remember}
    sql = {subject: text for subject, text in sql.items() if subject not in found.to_forget}
    redis = {**found.to_restore, **in_redis}

    for subject in in_sql.keys() & in_redis.keys():
        assert sql[subject] == max(in_sql[subject], in_redis[subject], key=lambda text: Standing.parse(text).since_ms)
    assert sql.keys() == redis.keys()
    again = compare(sql, redis, kept=True)
    assert (again.to_remember, again.to_forget, again.to_restore) == ({}, {}, {})


@pytest.fixture
def key_states(engine: Engine, client: Redis) -> KeyStates:
    """The part under test; it has run once, so its mark stands."""
    part = KeyStates(engine, client)
    assert not part.run_once(NOW)
    assert client.exists(KEY_STATES_KEPT)
    return part


def in_sql(engine: Engine) -> dict[str, str]:
    """Who is set aside according to SQL."""
    with reading(engine) as connection:
        return {row.subject: row.standing for row in connection.execute(select(key_standings))}


def events(engine: Engine) -> list[tuple[str, str, int, str | None, str]]:
    """The story so far: subject, event, since_ms, label, told_by."""
    columns = key_events.c
    wanted = (columns.subject, columns.event, columns.since_ms, columns.label, columns.told_by)
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(select(*wanted).order_by(columns.id))]


def test_what_a_worker_could_not_write_before_it_died_is_remembered_with_its_story(
    key_states: KeyStates, engine: Engine, client: Redis
) -> None:
    client.hset(KEY_STATES, KEY, standing())
    assert key_states.run_once(NOW).did == {"remembered": 1, "forgotten": 0, "restored": 0}
    assert in_sql(engine) == {KEY: standing()}
    assert events(engine) == [(KEY, "set_aside", 1, None, "scheduler")]
    assert not key_states.run_once(NOW)


def test_a_wiped_redis_has_everything_back_after_one_run(
    key_states: KeyStates, engine: Engine, client: Redis
) -> None:
    struck: dict[Any, Any] = {KEY: standing(strikes=4), "egress:h:p": standing(7, state="open", until_ms=12)}
    client.hset(KEY_STATES, mapping=struck)
    key_states.run_once(NOW)

    for _ in range(2):
        client.flushall()
        assert key_states.run_once(NOW).did == {"remembered": 0, "forgotten": 0, "restored": 2}
        assert client.hgetall(KEY_STATES) == struck
        assert client.exists(KEY_STATES_KEPT)
        assert not key_states.run_once(NOW)
    assert in_sql(engine) == struck
    assert {event for _, event, *_ in events(engine)} == {"set_aside", "restored"}


def test_what_the_fleet_learned_after_the_wipe_is_kept(key_states: KeyStates, engine: Engine, client: Redis) -> None:
    client.hset(KEY_STATES, mapping={KEY: standing(), "key:g": standing()})
    key_states.run_once(NOW)
    client.flushall()
    client.hset(KEY_STATES, KEY, standing(5, cause="billing"))

    assert key_states.run_once(NOW).did == {"remembered": 1, "forgotten": 0, "restored": 1}

    wanted = {KEY: standing(5, cause="billing"), "key:g": standing()}
    assert client.hgetall(KEY_STATES) == wanted
    assert in_sql(engine) == wanted


def test_what_was_cleared_in_redis_is_forgotten_with_its_story(
    key_states: KeyStates, engine: Engine, client: Redis
) -> None:
    client.hset(KEY_STATES, KEY, standing())
    key_states.run_once(NOW)
    client.hdel(KEY_STATES, KEY)  # the last field: the hash itself is gone, as after a wipe

    assert key_states.run_once(NOW).did == {"remembered": 0, "forgotten": 1, "restored": 0}

    assert in_sql(engine) == {}
    assert [event for _, event, *_ in events(engine)] == ["set_aside", "cleared"]
    client.flushall()
    assert not key_states.run_once(NOW)
    assert client.hgetall(KEY_STATES) == {}


def test_a_first_start_on_an_empty_redis_brings_back_what_sql_knows(engine: Engine, client: Redis) -> None:
    with engine.begin() as connection:
        connection.execute(insert(key_standings).values(subject=KEY, since_ms=1, standing=standing()))
    assert KeyStates(engine, client).run_once(NOW).did["restored"] == 1
    assert client.hgetall(KEY_STATES) == {KEY: standing()}


@pytest.mark.parametrize("text", ["", "no json", "{}", standing(state="of a later version")])
def test_one_that_cannot_be_read_hinders_no_other(
    text: str, key_states: KeyStates, engine: Engine, client: Redis
) -> None:
    with engine.begin() as connection:
        connection.execute(insert(key_standings).values(subject="key:odd", since_ms=1, standing=text))
    client.hset(KEY_STATES, mapping={"key:odd too": text, KEY: standing()})
    assert key_states.run_once(NOW).did == {"remembered": 1, "forgotten": 0, "restored": 0}
    client.flushall()
    assert key_states.run_once(NOW).did == {"remembered": 0, "forgotten": 0, "restored": 1}
    assert client.hgetall(KEY_STATES) == {KEY: standing()}


def test_redis_away_is_no_error_and_changes_nothing(engine: Engine, away: Redis) -> None:
    with engine.begin() as connection:
        connection.execute(insert(key_standings).values(subject=KEY, since_ms=1, standing=standing()))
    assert not KeyStates(engine, away).run_once(NOW)
    assert in_sql(engine) == {KEY: standing()}
    assert events(engine) == []


async def test_what_worker_and_scheduler_both_tell_is_told_once(
    key_states: KeyStates, engine: Engine, client: Redis, database_url: str
) -> None:
    writer = JournalWriter(database_url)
    writer.start()

    async def told(event: str, text: str) -> None:
        await writer.do(TellKeyEvent(KEY, event, Standing.parse(text), "alpha key 1", "A"))

    client.hset(KEY_STATES, KEY, standing())
    await told(ledger.SET_ASIDE, standing())
    await told(ledger.SET_ASIDE, standing())
    assert not key_states.run_once(NOW)
    client.hset(KEY_STATES, KEY, standing(5, strikes=2))
    key_states.run_once(NOW)
    await told(ledger.SET_ASIDE, standing(5, strikes=2))
    await told(ledger.CLEARED, standing())  # late: of the standing before
    assert Standing.parse(in_sql(engine)[KEY]).strikes == 2
    client.hdel(KEY_STATES, KEY)
    await told(ledger.CLEARED, standing(5, strikes=2))
    assert in_sql(engine) == {}
    assert not key_states.run_once(NOW)

    assert writer.close(timeout=10)
    assert events(engine) == [
        (KEY, "set_aside", 1, "alpha key 1", "A"),
        (KEY, "set_aside", 5, None, "scheduler"),
        (KEY, "cleared", 1, "alpha key 1", "A"),
        (KEY, "cleared", 5, "alpha key 1", "A"),
    ]


async def test_a_standing_told_late_does_not_take_the_place_of_a_newer_one(
    key_states: KeyStates, engine: Engine, client: Redis, database_url: str
) -> None:
    client.hset(KEY_STATES, KEY, standing(5))
    key_states.run_once(NOW)
    writer = JournalWriter(database_url)
    writer.start()
    await writer.do(TellKeyEvent(KEY, ledger.SET_ASIDE, Standing.parse(standing(3)), "alpha key 1", "A"))
    assert writer.close(timeout=10)
    assert in_sql(engine) == {KEY: standing(5)}
