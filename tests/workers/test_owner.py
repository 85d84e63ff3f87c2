"""A worker whose event loop turns while one of its tasks is dead is not well."""

import asyncio

from workers.owner import ended_early


async def _lasting() -> None:
    await asyncio.Event().wait()


async def _broken() -> None:
    raise ValueError("mine alone")


async def test_a_task_that_ended_is_named_with_its_error() -> None:
    lasting, broken = asyncio.ensure_future(_lasting()), asyncio.ensure_future(_broken())
    assert ended_early([lasting, broken]) is None
    await asyncio.wait({broken})
    assert ended_early([lasting, broken]) == "its task _broken ended (ValueError: mine alone)"
    lasting.cancel()
    await asyncio.wait({lasting})
    assert ended_early([lasting]) == "its task _lasting ended"
