"""The configuration changes, Redis reconnects, a worker is replaced: every call is made on what counts now, once."""

import pytest
from redis import Redis
from sqlalchemy import Connection

from console.editing import apply_edit
from shared.config.editing_agents import edit_agent
from shared.config.editing_keys import add_key, rotate_key
from shared.config.environment_sync import Sealer
from shared.errors import ConfigurationError
from shared.redis.names import GENERATION
from tests.configured import Configured
from tests.e2e.house import House
from tests.waiting import wait_until


def the_key_is(house: House, secret: str) -> int:
    """Give the provider's first key a new secret; the generation that has it."""
    with Redis.from_url(house.redis_url, decode_responses=True) as client:
        sealer = Configured(house.rows.engine, client, house.sandbox_url).sealer

        def edit(connection: Connection) -> list[str]:
            return _stored(connection, sealer, secret)

        applied = apply_edit(house.rows.engine, client, edit, author="test")
    assert applied.generation is not None
    return applied.generation


def _stored(connection: Connection, sealer: Sealer, secret: str) -> list[str]:
    if secret.endswith("-0"):
        return add_key(connection, sealer, "groq", secret, label="the one")
    return rotate_key(connection, sealer, "the one", secret)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_every_call_after_a_change_is_made_on_it_and_a_refused_change_publishes_nothing(house: House) -> None:
    house.scheduler()
    house.worker()
    for number in range(12):
        secret = f"gsk-rotated-{number}"
        generation = the_key_is(house, secret)
        job_ids = [house.client.enqueue("default", "hello").id for _ in range(5)]
        for job_id in job_ids:
            house.done(job_id)
        made = [row for job_id in job_ids for row in house.rows.attempts(job_id)]
        assert {row["generation"] for row in made} == {generation}
        assert house.sandbox.key_total(secret) == len(made) == 5

        with pytest.raises(ConfigurationError):
            the_key_is(house, "two words")
        assert int(house.redis.get(GENERATION) or 0) == generation


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_conversation_goes_on_in_order_through_a_reconnect_a_change_and_a_new_worker(house: House) -> None:
    turns = 40
    house.scheduler()
    first = house.worker()
    ids = [house.client.enqueue("default", f"turn {turn}", conversation_id="talk").id for turn in range(turns)]

    house.done(ids[8])
    house.redis.client_kill_filter(_type="normal", skipme=True)
    house.done(ids[16])
    with Redis.from_url(house.redis_url, decode_responses=True) as client:
        apply_edit(house.rows.engine, client, lambda c: edit_agent(c, "default", {"temperature": 0.5}), author="test")
    house.done(ids[24])
    house.worker()
    assert first.stop() == 0

    texts = [house.done(job_id).text or "" for job_id in ids]
    for turn, text in enumerate(texts):
        assert f'You said: "turn {turn}".' in text
        assert turn == 0 or f"Earlier turns in this conversation: {2 * turn}." in text
    wait_until(lambda: len(house.llm_requests()) >= turns)
    assert house.llm_requests() == [2 * turn + 1 for turn in range(turns)]
