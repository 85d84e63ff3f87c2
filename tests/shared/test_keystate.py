"""What a failure does to a key, and how the whole fleet learns of it once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio

from shared.classification import Cause, Confidence, Scope, Verdict
from shared.keystate.plan import SetAside, plan
from shared.keystate.standing import KeyState, Standing
from shared.keystate.store import clear, read_fleet, set_aside
from shared.redis.connect import connect_redis_async
from shared.redis.names import GENERATION, KEY_STATES
from watchkeeper.clock import to_ms

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = 60_000


def verdict(
    cause: Cause, scope: Scope = Scope.KEY, until: datetime | None = None, confidence: Confidence = Confidence.HIGH
) -> Verdict:
    """A verdict."""
    return Verdict(cause, scope, until, confidence, "what to do", "some_rule")


def planned(given: Verdict, fingerprint: str = "f") -> SetAside | None:
    """What follows from it for the key `f` with model `p/m`."""
    return plan(given, fingerprint=fingerprint, model_id="p/m", now=NOW)


@pytest.mark.parametrize(
    ("cause", "state", "base_minutes"),
    [
        (Cause.AUTH_INVALID, KeyState.QUARANTINED, 5),
        (Cause.AUTH_MISSING, KeyState.QUARANTINED, 5),
        (Cause.ACCOUNT_SUSPENDED, KeyState.SUSPENDED, 60),
        (Cause.BILLING, KeyState.SUSPENDED, 60),
        (Cause.QUOTA_DAILY, KeyState.EXHAUSTED, 60),
        (Cause.RATE_LIMIT_SHORT, KeyState.COOLING, 5 / 60),
    ],
)
def test_a_failure_of_the_key_sets_it_aside(cause: Cause, state: KeyState, base_minutes: float) -> None:
    order = planned(verdict(cause))
    assert order is not None
    assert (order.subject, order.state, order.until_ms) == ("key:f", state, None)
    assert order.base_ms == base_minutes * MINUTE
    assert order.base_ms <= order.cap_ms


@pytest.mark.parametrize(
    "cause",
    [
        Cause.OVERLOADED,
        Cause.TIMEOUT,
        Cause.NETWORK,
        Cause.UNKNOWN,
        Cause.CONTEXT_WINDOW,
        Cause.CONTENT_POLICY,
        Cause.BAD_REQUEST,
    ],
)
@pytest.mark.parametrize("scope", Scope)
def test_no_key_suffers_for_the_provider_the_network_or_the_request(cause: Cause, scope: Scope) -> None:
    assert planned(verdict(cause, scope)) is None


@pytest.mark.parametrize("scope", [Scope.PROVIDER, Scope.EGRESS, Scope.REQUEST])
def test_no_key_suffers_for_what_concerns_more_or_less_than_a_key(scope: Scope) -> None:
    assert planned(verdict(Cause.AUTH_INVALID, scope)) is None


@pytest.mark.parametrize(
    ("scope", "subject"),
    [
        (Scope.KEY, "key:f"),
        (Scope.ACCOUNT, "key:f"),
        (Scope.KEY_MODEL, "key_model:f:p/m"),
        (Scope.PROVIDER_MODEL, "model:p/m"),
    ],
)
def test_the_scope_says_who_is_set_aside(scope: Scope, subject: str) -> None:
    order = planned(verdict(Cause.MODEL_NOT_FOUND, scope))
    assert order is not None
    assert order.subject == subject


def test_a_provider_without_keys_has_none_to_set_aside() -> None:
    assert planned(verdict(Cause.AUTH_INVALID), fingerprint="") is None


def test_an_undecided_answer_holds_the_key() -> None:
    order = planned(verdict(Cause.AUTH_INVALID, confidence=Confidence.LOW))
    assert order is not None
    assert (order.state, order.base_ms) == (KeyState.HELD, MINUTE)


@pytest.mark.parametrize(
    ("until", "stored"),
    [
        (NOW + timedelta(seconds=30), NOW + timedelta(seconds=30)),
        (NOW + timedelta(days=400), NOW + timedelta(days=32)),  # no typo of a provider takes a key out for a year
        (NOW - timedelta(seconds=1), None),
        (None, None),
    ],
)
def test_a_stated_end_is_kept_within_reason(until: datetime | None, stored: datetime | None) -> None:
    order = planned(verdict(Cause.RATE_LIMIT_SHORT, until=until))
    assert order is not None
    assert order.until_ms == (None if stored is None else to_ms(stored))


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator["redis.asyncio.Redis"]:
    """The fleet's Redis."""
    client = connect_redis_async(redis_url, connections=16)
    yield client
    await client.aclose()


def order(state: KeyState = KeyState.QUARANTINED, until_ms: int | None = None) -> SetAside:
    """Take the key `f` out of traffic."""
    return SetAside("key:f", state, until_ms, 5 * MINUTE, 20 * MINUTE, "auth_invalid", "what to do")


async def lapse(client: "redis.asyncio.Redis") -> None:
    """Let the standing's time run out."""
    text = str(await client.hget(KEY_STATES, "key:f"))
    until = Standing.parse(text).until_ms
    await client.hset(KEY_STATES, "key:f", text.replace(f'"until_ms":{until}', '"until_ms":1'))
    assert (await read_fleet(client)).standings["key:f"].until_ms == 1


async def test_of_many_that_report_together_one_sets_the_key_aside(client: "redis.asyncio.Redis") -> None:
    replies = await asyncio.gather(*(set_aside(client, order(), jitter=0.0) for _ in range(50)))
    assert sum(first for first, _ in replies) == 1
    assert len({standing for _, standing in replies}) == 1


async def test_each_strike_in_a_row_doubles_the_time_up_to_the_cap(client: "redis.asyncio.Redis") -> None:
    spans = []
    for _ in range(5):
        first, standing = await set_aside(client, order(), jitter=0.0)
        assert first
        assert standing.until_ms is not None
        spans.append((standing.strikes, (standing.until_ms - standing.since_ms) // MINUTE))
        await lapse(client)
    assert spans == [(1, 5), (2, 10), (3, 20), (4, 20), (5, 20)]


async def test_jitter_makes_it_longer_by_a_fifth_at_most(client: "redis.asyncio.Redis") -> None:
    _, standing = await set_aside(client, order(), jitter=1.0)
    assert standing.until_ms == standing.since_ms + 6 * MINUTE


async def test_a_stated_end_is_taken_as_it_is(client: "redis.asyncio.Redis") -> None:
    now_ms = (await read_fleet(client)).now_ms
    _, standing = await set_aside(client, order(KeyState.COOLING, now_ms + 1234), jitter=1.0)
    assert standing.until_ms == now_ms + 1234
    assert standing.blocks(now_ms)
    assert not standing.blocks(now_ms + 1234)


async def test_an_answer_clears_the_standing_and_its_strikes(client: "redis.asyncio.Redis") -> None:
    await set_aside(client, order(), jitter=0.0)
    await clear(client, "key:f")
    assert (await read_fleet(client)).standings == {}
    _, standing = await set_aside(client, order(), jitter=0.0)
    assert standing.strikes == 1


async def test_what_a_person_disabled_stays_disabled(client: "redis.asyncio.Redis") -> None:
    stored = '{"state":"disabled","until_ms":-1,"since_ms":1,"strikes":0,"cause":"","advice":""}'
    await client.hset(KEY_STATES, "key:f", stored)
    first, standing = await set_aside(client, order(), jitter=0.0)
    assert not first
    assert standing.state is KeyState.DISABLED
    assert standing.blocks(2**60)


async def test_a_standing_without_an_end_is_not_overwritten_by_itself(client: "redis.asyncio.Redis") -> None:
    stored = '{"state":"quarantined","until_ms":-1,"since_ms":1,"strikes":1,"cause":"","advice":""}'
    await client.hset(KEY_STATES, "key:f", stored)
    first, standing = await set_aside(client, order(), jitter=0.0)
    assert not first
    assert standing.until_ms is None


async def test_a_shorter_failure_does_not_bring_a_key_back_early(client: "redis.asyncio.Redis") -> None:
    _, quarantined = await set_aside(client, order(), jitter=0.0)
    now_ms = (await read_fleet(client)).now_ms

    first, standing = await set_aside(client, order(KeyState.COOLING, now_ms + 1000), jitter=0.0)

    assert not first
    assert standing == quarantined


async def test_a_longer_failure_takes_the_place_of_a_shorter_one(client: "redis.asyncio.Redis") -> None:
    now_ms = (await read_fleet(client)).now_ms
    await set_aside(client, order(KeyState.COOLING, now_ms + 1000), jitter=0.0)
    first, standing = await set_aside(client, order(), jitter=0.0)
    assert first
    assert (standing.state, standing.strikes) == (KeyState.QUARANTINED, 1)


async def test_one_look_tells_generation_states_and_time(client: "redis.asyncio.Redis") -> None:
    empty = await read_fleet(client)
    assert (empty.generation, empty.standings) == (None, {})
    await client.set(GENERATION, 12)
    await set_aside(client, order(), jitter=0.0)
    view = await read_fleet(client)
    assert view.generation == 12
    assert set(view.standings) == {"key:f"}
    assert view.now_ms >= empty.now_ms > 0
