"""After its time aside one call of the whole fleet tries a subject, and the lease for it is never left behind."""

import asyncio

import pytest
from sqlalchemy import select

from shared.db.reading import reading
from shared.db.tables import key_events, key_standings
from shared.keystate.standing import KeyState, key_subject
from shared.redis.names import CANARY
from tests.configured import Configured, Provider
from tests.sandbox_fixture import Sandbox
from tests.workers.router.station import Station, eventually
from workers.router.calls import Answered, Refused, Unserved

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:Item '.*' on TypedDict class '.*' is using the `ReadOnly`:UserWarning"),
]

A = Provider("alpha", ("alpha-secret-key-0001", "alpha-secret-key-0002"))
B = Provider("beta", ("beta-secret-key-0001",))
DEAD, SPARE = A.keys


def events(configured: Configured) -> list[tuple[str, str, str | None]]:
    """The story so far: event, state, label."""
    with reading(configured.engine) as connection:
        found = connection.execute(
            select(key_events.c.event, key_events.c.state, key_events.c.label).order_by(key_events.c.id)
        )
        return [(row.event, row.state, row.label) for row in found]


def remembered(configured: Configured) -> list[str]:
    """Who is set aside according to SQL."""
    with reading(configured.engine) as connection:
        return list(connection.execute(select(key_standings.c.subject)).scalars())


async def quarantine_over(configured: Configured, station: Station, sandbox: Sandbox, *providers: Provider) -> str:
    """The first key was found dead, and its time aside is over; its subject."""
    first = providers[0].keys[0]
    configured.publish(*providers)
    sandbox.control.set_key(first, "invalid")
    await station.ask()
    subject = key_subject(configured.fingerprint(first))
    await station.end_its_time(subject)
    assert sandbox.control.key_total(first) == 1
    return subject


async def test_of_twenty_calls_on_two_workers_one_tries_a_key_that_is_still_dead(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    subject = await quarantine_over(configured, stations[0], sandbox, A)

    outcomes = await asyncio.gather(*(station.ask() for _ in range(10) for station in stations))

    assert all(isinstance(outcome, Answered) for outcome, _ in outcomes)
    assert sandbox.control.key_total(DEAD) == 2
    assert sandbox.control.key_total(SPARE) == 1 + 20
    standing = (await stations[0].standings())[subject]
    assert (standing.state, standing.strikes) == (KeyState.QUARANTINED, 2)
    assert standing.until_ms == standing.since_ms + 10 * 60_000
    assert await stations[0].canaries() == set()
    await eventually(lambda: events(configured) == [("set_aside", "quarantined", "alpha key 1")] * 2)
    assert remembered(configured) == [subject]


async def test_a_key_that_is_valid_again_is_tried_by_one_and_then_used_by_everyone(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    await quarantine_over(configured, stations[0], sandbox, A)
    sandbox.control.set_key(DEAD, "ok")

    await asyncio.gather(*(station.ask() for _ in range(10) for station in stations))
    assert await stations[0].standings() == {}
    spare_before = sandbox.control.key_total(SPARE)
    used = [(await station.ask())[1][0].key_label for station in stations]

    assert used == ["alpha key 1"] * 2
    assert sandbox.control.key_total(SPARE) == spare_before
    await eventually(lambda: remembered(configured) == [])
    assert events(configured) == [
        ("set_aside", "quarantined", "alpha key 1"),
        ("cleared", "quarantined", "alpha key 1"),
    ]


async def test_a_call_that_is_late_does_not_try_again_what_another_canary_has_just_tried(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    subject = await quarantine_over(configured, stations[0], sandbox, A)
    # The second worker has read that the key is due; before its lease is taken, all that writes is held up.
    await stations[0].client.client_pause(10_000, all=False)
    late = asyncio.create_task(stations[1].ask())
    await until_writers_wait(configured, 1)
    # Meanwhile another canary ends: the standing is a new one, with a strike more.
    multi = stations[0].client.pipeline(transaction=False)
    multi.client_unpause()
    again = (await stations[0].standings())[subject].to_json().replace('"until_ms": 1', '"until_ms": 9000000000000')
    multi.hset("watchkeeper:key-states", subject, again)
    await multi.execute()

    outcome, attempts = await late

    assert isinstance(outcome, Answered)
    assert [attempt.key_label for attempt in attempts] == ["alpha key 2"]
    assert sandbox.control.key_total(DEAD) == 1
    assert await stations[0].canaries() == set()


async def test_the_lease_is_returned_when_the_attempt_is_cancelled(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    subject = await quarantine_over(configured, station, sandbox, B)
    sandbox.control.set_key(B.keys[0], "hang")
    asking = asyncio.create_task(station.ask())
    await eventually(lambda: sandbox.control.key_total(B.keys[0]) == 2)
    assert await station.canaries() == {subject}
    assert await station.client.pttl(CANARY + subject) > 0

    asking.cancel()
    await asyncio.wait([asking])

    assert asking.cancelled()
    assert await station.canaries() == set()
    assert set(await station.standings()) == {subject}


@pytest.mark.parametrize("moment", ["taking the lease", "looking again"])
async def test_the_lease_is_returned_when_the_call_is_cancelled_before_its_attempt(
    moment: str, configured: Configured, station: Station, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = await quarantine_over(configured, station, sandbox, B)
    asking: list[asyncio.Task[object]] = []
    part, name = (station.client, "eval") if moment == "taking the lease" else (station.fleet, "read")
    really = getattr(part, name)

    async def watched(*arguments: object, **options: object) -> object:
        """It is done; its answer comes to a task that was cancelled meanwhile."""
        done = await really(*arguments, **options)
        if await station.canaries() and not asking[0].cancelling():
            asking[0].cancel()
            await asyncio.sleep(0)
        return done

    monkeypatch.setattr(part, name, watched)
    asking.append(asyncio.create_task(station.ask()))
    await asyncio.wait(asking)

    assert asking[0].cancelled()
    assert sandbox.control.key_total(B.keys[0]) == 1
    assert await station.canaries() == set()
    assert set(await station.standings()) == {subject}


@pytest.mark.parametrize("behaviour", ["bad_request", "context_window", "server_error"])
async def test_the_lease_is_returned_when_the_answer_says_nothing_of_the_key(
    behaviour: str, configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    subject = await quarantine_over(configured, station, sandbox, B)
    sandbox.control.set_key(B.keys[0], behaviour)

    outcome, attempts = await station.ask()

    assert isinstance(outcome, Unserved if behaviour == "server_error" else Refused)
    assert len(attempts) == 1
    assert await station.canaries() == set()
    standing = (await station.standings())[subject]
    assert (standing.until_ms, standing.strikes) == (1, 1)  # still due: the next call may try


async def test_the_lease_is_returned_when_the_configuration_is_swapped_in_between(
    configured: Configured, station: Station, sandbox: Sandbox
) -> None:
    await quarantine_over(configured, station, sandbox, Provider("alpha", A.keys[:1]))
    await station.client.client_pause(10_000, all=False)  # whoever writes to Redis waits, whoever reads does not
    asking = asyncio.create_task(station.ask())
    await until_writers_wait(configured, 1)
    publishing = asyncio.create_task(asyncio.to_thread(configured.publish, B))
    await until_writers_wait(configured, 2)  # its bell; in SQL it is there
    swapped = await station.configuration.current(None)
    await station.client.client_unpause()

    outcome, attempts = await asking
    snapshot = await publishing

    assert swapped.generation == snapshot.generation
    assert isinstance(outcome, Answered)
    assert [(attempt.key_label, attempt.generation) for attempt in attempts] == [("beta key 1", snapshot.generation)]
    assert sandbox.control.key_total(DEAD) == 1
    assert await station.canaries() == set()


async def test_a_key_is_tried_with_every_lease_or_with_none(
    configured: Configured, stations: list[Station], sandbox: Sandbox
) -> None:
    subject = await quarantine_over(configured, stations[0], sandbox, A)
    # Its provider is due as well, and another worker is trying that.
    order = (await stations[0].standings())[subject].to_json()
    await stations[0].client.hset("watchkeeper:key-states", "provider:alpha", order)
    await stations[0].client.set(CANARY + "provider:alpha", "another", px=60_000)

    outcome, attempts = await stations[1].ask()

    assert isinstance(outcome, Unserved)
    assert attempts == []
    assert await stations[0].canaries() == {"provider:alpha"}


async def until_writers_wait(configured: Configured, count: int) -> None:
    """Return once as many clients wait for the pause's end."""
    await eventually(lambda: sum("b" in client["flags"] for client in configured.redis.client_list()) == count)
