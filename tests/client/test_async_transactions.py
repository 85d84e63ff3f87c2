"""A job enqueued inside a transaction of SQLAlchemy's asyncio (it needs greenlet, which Watchkeeper does not)."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.client.conftest import Stores
from watchkeeper import AsyncClient, JobState

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
async def client(database_url: str, redis_url: str) -> AsyncIterator[AsyncClient]:
    """The client under test."""
    async with AsyncClient(database_url, redis_url) as client:
        yield client


@pytest.fixture
async def backend(database_url: str) -> AsyncIterator["AsyncEngine"]:
    """The backend's own asynchronous engine."""
    pytest.importorskip("greenlet")
    extension = pytest.importorskip("sqlalchemy.ext.asyncio")
    engine = extension.create_async_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    await engine.dispose()


@pytest.fixture
async def session(backend: "AsyncEngine") -> AsyncIterator["AsyncSession"]:
    """A session of the backend."""
    from sqlalchemy.ext.asyncio import AsyncSession

    async with AsyncSession(backend) as session:
        yield session


async def test_a_sessions_commit_sends_the_wake_up(
    client: AsyncClient, session: "AsyncSession", stores: Stores
) -> None:
    job = await client.enqueue("default", "x", connection=session)
    assert (stores.count(), stores.woken()) == (0, [])
    await session.commit()
    await client.close()

    assert stores.count() == 1
    assert stores.woken() == [job.id]


async def test_a_sessions_rollback_takes_the_job_with_it(
    client: AsyncClient, session: "AsyncSession", stores: Stores
) -> None:
    await client.enqueue("default", "x", connection=session)
    await session.rollback()
    await session.commit()
    await client.close()

    assert (stores.count(), stores.woken()) == (0, [])


async def test_a_known_key_leaves_the_transaction_usable(
    client: AsyncClient, session: "AsyncSession", stores: Stores
) -> None:
    first = await client.enqueue("default", "x", idempotency_key="k")
    again = await client.enqueue("default", "x", idempotency_key="k", connection=session)
    await client.enqueue("default", "x", connection=session)
    await session.commit()

    assert (again.id, again.duplicate) == (first.id, True)
    assert stores.count() == 2


async def test_a_connections_commit_leaves_the_wake_up_to_the_stager(
    client: AsyncClient, backend: "AsyncEngine", stores: Stores
) -> None:
    async with backend.begin() as connection:
        job = await client.enqueue("default", "x", connection=connection)

    assert JobState(stores.row(job.id)["state"]) is JobState.QUEUED
    assert stores.woken() == []
