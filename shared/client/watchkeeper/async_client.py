"""The same client as coroutines: SQL runs in worker threads, waiting holds none."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from watchkeeper.async_streaming import AsyncStoryReader, async_reading_redis
from watchkeeper.async_waiting import async_hear, async_listening_redis
from watchkeeper.callers_transaction import insert_in
from watchkeeper.client import Client
from watchkeeper.errors import InvalidJob
from watchkeeper.events import Event
from watchkeeper.job import Job
from watchkeeper.messages import Messages
from watchkeeper.states import Priority
from watchkeeper.story_rows import Found
from watchkeeper.submission import Options, check
from watchkeeper.waiting import Pauses, out_of_time

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession


class AsyncClient:
    """`Client` for asyncio, same arguments and errors. Close it in the event loop that used it.

    A cancelled `enqueue` may have stored its job: give it an `idempotency_key` to repeat it safely.
    """

    def __init__(
        self,
        database_url: str | None = None,
        redis_url: str | None = None,
        *,
        home: str | Path | None = None,
    ) -> None:
        self._client = Client(database_url, redis_url, home=home)
        self._listening = async_listening_redis(self._client._redis_url)
        self._streams = async_reading_redis(self._client._redis_url)
        self._ringing: set[asyncio.Future[None]] = set()

    async def enqueue(
        self,
        agent: str,
        messages: Messages,
        *,
        conversation_id: str | None = None,
        idempotency_key: str | None = None,
        priority: Priority | str = Priority.NORMAL,
        run_after: datetime | None = None,
        deadline: datetime | None = None,
        metadata: Mapping[str, Any] | None = None,
        stream: bool = False,
        connection: "AsyncConnection | AsyncSession | None" = None,
    ) -> Job:
        """`Client.enqueue`; `connection` is an AsyncConnection or AsyncSession."""
        options = Options(
            conversation_id=conversation_id,
            idempotency_key=idempotency_key,
            priority=priority,
            run_after=run_after,
            deadline=deadline,
            metadata=metadata,
            stream=stream,
        )
        if connection is None:
            return await asyncio.to_thread(self._client.enqueue, agent, messages, **options)
        if not hasattr(connection, "run_sync"):
            raise InvalidJob("connection", f"is a {type(connection).__name__}: give an AsyncSession or use Client")
        submission = check(agent, messages, job_id=self._client._new_id(), now=datetime.now(UTC), **options)
        return await connection.run_sync(insert_in, submission, self._ring_in_thread)

    async def get(self, job_id: str) -> Job:
        """`Client.get`."""
        return await asyncio.to_thread(self._client.get, job_id)

    async def wait(self, job_id: str, timeout: float | None = 300.0) -> Job:  # noqa: ASYNC109 - as Client.wait
        """`Client.wait`."""
        pauses = Pauses(timeout)
        async with async_hear(self._listening, job_id) as ear:
            while not (job := await self.get(job_id)).state.final:
                if (pause := pauses.next(listening=ear.listening)) is None:
                    raise out_of_time(job, timeout)
                await ear.wait(pause)
        return job

    async def stream(
        self,
        job_id: str,
        *,
        after: str | None = None,
        timeout: float | None = 300.0,  # noqa: ASYNC109 - as Client.stream
    ) -> AsyncIterator[Event]:
        """`Client.stream`, an asynchronous iterator."""

        async def late() -> Exception:
            return out_of_time(await self.get(job_id), timeout)

        reader = AsyncStoryReader(
            str(job_id),
            streams=self._streams,
            listening=self._listening,
            look=self._look,
            pauses=Pauses(timeout),
            late=late,
        )
        async with aclosing(reader.events(after)) as events:
            async for event in events:
                yield event

    async def cancel(self, job_id: str, *, by: str = "the backend") -> Job:
        """`Client.cancel`."""
        return await asyncio.to_thread(self._client.cancel, job_id, by=by)

    async def close(self) -> None:
        """Send what is still to be sent and close all connections."""
        await asyncio.gather(*self._ringing)
        await self._listening.aclose()
        await self._streams.aclose()
        await asyncio.to_thread(self._client.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _look(self, job_id: str, known: frozenset[int] | None) -> Found:
        return await asyncio.to_thread(self._client._look, job_id, known)

    def _ring_in_thread(self, job: Job) -> None:
        # Called inside the commit, on the event loop: a Redis that hangs must not hold the loop for a second.
        ringing = asyncio.get_running_loop().run_in_executor(None, self._client._doorbell.ring, job)
        self._ringing.add(ringing)
        ringing.add_done_callback(self._ringing.discard)
