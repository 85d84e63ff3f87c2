"""Whatever characters a model says: its story goes on, and so do those of the other jobs."""

import pytest
from structlog.testing import capture_logs

from tests.workers.router.station import eventually
from tests.workers.telling.reading import text, told
from tests.workers.telling.test_publisher import job, publishing

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_half_a_surrogate_pair_silences_nobody(redis_url: str) -> None:
    async with publishing(redis_url) as (publisher, client):
        with capture_logs() as logs:
            odd, other = publisher.teller(job(id="odd")), publisher.teller(job(id="other"))
            odd.token(1, "a \ud83d b\0")
            await eventually(lambda: publisher.idle)
            other.token(1, "hello")
            odd.ended("failed", error_message="\udc00")
            await eventually(lambda: publisher.idle)
        assert text(await told(client, "odd")) == "a \N{REPLACEMENT CHARACTER} b\0"
        assert text(await told(client, "other")) == "hello"
        assert logs == []
