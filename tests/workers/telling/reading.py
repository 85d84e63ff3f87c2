"""A job's stream as a reader finds it."""

import json
from typing import Any

import redis.asyncio

from watchkeeper.contract import STREAM
from watchkeeper.events import CLAIM, DATA, KIND, STEP

Told = tuple[str, str, int | None, dict[str, Any]]
"""Id, kind, step, data."""


async def told(client: "redis.asyncio.Redis", job_id: str) -> list[Told]:
    """Every event of the stream, oldest first; each under the claim its id names."""
    events = []
    for entry, fields in await client.xrange(STREAM + job_id):
        assert entry.partition("-")[0] == fields[CLAIM]
        step = int(fields[STEP]) if fields[STEP] else None
        events.append((entry, fields[KIND], step, json.loads(fields[DATA])))
    return events


def kinds(events: list[Told]) -> list[str]:
    """What was told, tokens of one step in a row as one."""
    seen: list[str] = []
    for _, kind, step, _ in events:
        name = f"{kind} {step}" if step else kind
        if not seen or seen[-1] != name:
            seen.append(name)
    return seen


def text(events: list[Told]) -> str:
    """What a reader has who puts tokens together and begins a step anew at its reset."""
    found: dict[int | None, str] = {}
    for _, kind, step, data in events:
        if kind == "token":
            found[step] = found.get(step, "") + data["text"]
        if kind == "step_reset":
            found[step] = ""
    return "".join(found.values())
