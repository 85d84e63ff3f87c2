"""Setting aside, trying again and clearing in Redis: once for the whole fleet, whoever reports together."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import redis.asyncio

from shared.keystate.canary import Canary, clear
from shared.keystate.plan import BREAKER_FAILURES, BREAKER_WINDOW_MS, SetAside
from shared.keystate.standing import KeyState, Standing
from shared.keystate.store import read_fleet, set_aside
from shared.redis.connect import connect_redis_async
from shared.redis.names import FAILURES, GENERATION, KEY_STATES

MINUTE = 60_000


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator["redis.asyncio.Redis"]:
    """The fleet's Redis."""
    client = connect_redis_async(redis_url, connections=16)
    yield client
    await client.aclose()


def order(state: KeyState = KeyState.QUARANTINED, until_ms: int | None = None) -> SetAside:
    """Take the key `f` out of traffic."""
    return SetAside("key:f", state, until_ms, 5 * MINUTE, 20 * MINUTE, "auth_invalid", "what to do")


async def carry_out(
    client: "redis.asyncio.Redis", given: SetAside, *, jitter: float = 0.0, served: int = 0
) -> tuple[bool, Standing]:
    """`set_aside`, when it leaves the subject set aside."""
    first, standing = await set_aside(client, given, jitter=jitter, served=served)
    assert standing is not None
    return first, standing


async def lapse(client: "redis.asyncio.Redis", subject: str = "key:f") -> None:
    """Let the standing's time run out."""
    row = json.loads(str(await client.hget(KEY_STATES, subject)))
    await client.hset(KEY_STATES, subject, json.dumps({**row, "until_ms": 1}))


async def test_of_many_that_report_together_one_sets_the_key_aside(client: "redis.asyncio.Redis") -> None:
    replies = await asyncio.gather(*(set_aside(client, order(), jitter=0.0) for _ in range(50)))
    assert sum(first for first, _ in replies) == 1
    assert len({standing for _, standing in replies}) == 1


async def test_each_strike_in_a_row_doubles_the_time_up_to_the_cap(client: "redis.asyncio.Redis") -> None:
    spans = []
    for _ in range(5):
        first, standing = await carry_out(client, order())
        assert first
        assert standing.until_ms is not None
        spans.append((standing.strikes, (standing.until_ms - standing.since_ms) // MINUTE))
        await lapse(client)
    assert spans == [(1, 5), (2, 10), (3, 20), (4, 20), (5, 20)]


async def test_jitter_makes_it_longer_by_a_fifth_at_most(client: "redis.asyncio.Redis") -> None:
    _, standing = await carry_out(client, order(), jitter=1.0)
    assert standing.until_ms == standing.since_ms + 6 * MINUTE


async def test_a_stated_end_is_taken_as_it_is(client: "redis.asyncio.Redis") -> None:
    now_ms = (await read_fleet(client)).now_ms
    _, standing = await carry_out(client, order(KeyState.COOLING, now_ms + 1234), jitter=1.0)
    assert standing.until_ms == now_ms + 1234
    assert standing.blocks(now_ms)
    assert not standing.blocks(now_ms + 1234)


async def test_an_answer_clears_the_standing_and_its_strikes(client: "redis.asyncio.Redis") -> None:
    _, tried = await carry_out(client, order())
    await clear(client, Canary("A", {"key:f": tried.since_ms}))
    assert (await read_fleet(client)).standings == {}
    _, standing = await carry_out(client, order())
    assert standing.strikes == 1


async def test_what_a_person_disabled_stays_disabled(client: "redis.asyncio.Redis") -> None:
    stored = '{"state":"disabled","until_ms":-1,"since_ms":1,"strikes":0,"cause":"","advice":""}'
    await client.hset(KEY_STATES, "key:f", stored)
    first, standing = await carry_out(client, order())
    assert not first
    assert standing.state is KeyState.DISABLED
    assert standing.blocks(2**60)


async def test_a_standing_without_an_end_is_not_overwritten_by_itself(client: "redis.asyncio.Redis") -> None:
    stored = '{"state":"quarantined","until_ms":-1,"since_ms":1,"strikes":1,"cause":"","advice":""}'
    await client.hset(KEY_STATES, "key:f", stored)
    first, standing = await carry_out(client, order())
    assert not first
    assert standing.until_ms is None


async def test_a_shorter_failure_does_not_bring_a_key_back_early(client: "redis.asyncio.Redis") -> None:
    _, quarantined = await carry_out(client, order())
    now_ms = (await read_fleet(client)).now_ms

    first, standing = await carry_out(client, order(KeyState.COOLING, now_ms + 1000))

    assert not first
    assert standing == quarantined


async def test_a_longer_failure_takes_the_place_of_a_shorter_one(client: "redis.asyncio.Redis") -> None:
    now_ms = (await read_fleet(client)).now_ms
    await carry_out(client, order(KeyState.COOLING, now_ms + 1000))
    first, standing = await carry_out(client, order())
    assert first
    assert (standing.state, standing.strikes) == (KeyState.QUARANTINED, 1)


async def test_one_look_tells_generation_states_and_time(client: "redis.asyncio.Redis") -> None:
    empty = await read_fleet(client)
    assert (empty.generation, empty.standings) == (None, {})
    await client.set(GENERATION, 12)
    await carry_out(client, order())
    view = await read_fleet(client)
    assert view.generation == 12
    assert set(view.standings) == {"key:f"}
    assert view.now_ms >= empty.now_ms > 0


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "no json",
        "[]",
        "null",
        "7",
        '{"state":"quarantined"}',
        '{"state":"quarantined","until_ms":null,"since_ms":1,"strikes":1,"cause":"","advice":""}',
    ],
)
async def test_a_field_nobody_can_read_blocks_nobody_and_is_overwritten(
    stored: str, client: "redis.asyncio.Redis"
) -> None:
    await client.hset(KEY_STATES, mapping={"key:f": stored})
    await carry_out(client, replace(order(), subject="key:g"))
    assert set((await read_fleet(client)).standings) == {"key:g"}

    first, standing = await carry_out(client, order())

    assert first
    assert (standing.state, standing.strikes) == (KeyState.QUARANTINED, 1)
    assert (await read_fleet(client)).standings["key:f"] == standing


async def test_of_twenty_clients_one_is_the_first_each_time(redis_url: str, client: "redis.asyncio.Redis") -> None:
    clients = [connect_redis_async(redis_url, connections=1) for _ in range(20)]
    for strikes in (1, 2, 3):
        replies = await asyncio.gather(*(carry_out(one, order()) for one in clients))
        assert sum(first for first, _ in replies) == 1
        assert {standing.strikes for _, standing in replies} == {strikes}
        await lapse(client)
    for one in clients:
        await one.aclose()


def breaker() -> SetAside:
    """The provider `p` is out."""
    return SetAside("provider:p", KeyState.OPEN, None, MINUTE, 4 * MINUTE, "overloaded", "", BREAKER_FAILURES)


@pytest.mark.parametrize(("served", "opens"), [(0, True), (5, True), (6, False), (10, False)])
async def test_a_breaker_opens_with_enough_failures_that_are_half_of_what_was_seen(
    served: int, opens: bool, client: "redis.asyncio.Redis"
) -> None:
    for _ in range(BREAKER_FAILURES - 1):
        assert await set_aside(client, breaker(), jitter=0.0) == (False, None)
    first, standing = await set_aside(client, breaker(), jitter=0.0, served=served)
    assert first is opens
    assert (standing is not None) is opens
    assert await client.exists(FAILURES + "provider:p") == (not opens)


async def test_failures_are_counted_for_the_window_and_no_longer(client: "redis.asyncio.Redis") -> None:
    counted = FAILURES + "provider:p"
    await set_aside(client, breaker(), jitter=0.0)
    assert 0 < await client.pttl(counted) <= BREAKER_WINDOW_MS
    await client.pexpire(counted, 1_000)
    await set_aside(client, breaker(), jitter=0.0)
    assert await client.pttl(counted) <= 1_000  # more failures do not keep it


async def test_the_same_undecided_answer_after_its_time_decides_it_and_another_one_does_not(
    client: "redis.asyncio.Redis",
) -> None:
    held = SetAside("key:f", KeyState.HELD, None, MINUTE, 360 * MINUTE, "auth_invalid", "")
    assert (await carry_out(client, held))[1].state is KeyState.HELD
    assert not (await carry_out(client, held))[0]  # in flight meanwhile: no second opinion
    await lapse(client)
    _, other = await carry_out(client, replace(held, cause="billing"))
    assert (other.state, other.strikes) == (KeyState.HELD, 2)
    await lapse(client)
    _, standing = await carry_out(client, replace(held, cause="billing"))
    assert (standing.state, standing.strikes) == (KeyState.QUARANTINED, 1)
    assert standing.until_ms == standing.since_ms + 5 * MINUTE


async def test_an_undecided_answer_neither_shortens_nor_lengthens_a_quarantine_but_confirms_one_that_is_over(
    client: "redis.asyncio.Redis",
) -> None:
    held = SetAside("key:f", KeyState.HELD, None, MINUTE, 360 * MINUTE, "auth_invalid", "")
    _, quarantined = await carry_out(client, order())
    assert await carry_out(client, held) == (False, quarantined)
    await lapse(client)
    first, standing = await carry_out(client, held)
    assert first
    assert (standing.state, standing.strikes) == (KeyState.QUARANTINED, 2)
