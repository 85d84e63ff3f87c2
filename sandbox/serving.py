"""Answers provider requests: the right answer late or in time, a refusal, or a broken connection."""

import asyncio
import json
from collections.abc import Mapping

from aiohttp import web

from sandbox import faults
from sandbox.behaviours import Behaviour
from sandbox.conversation import mark_of
from sandbox.desk import Desk, Visit
from sandbox.schema import JsonObject
from sandbox.streaming import stream_reply
from sandbox.wire.contract import MalformedRequest, Wire, compact


async def read_body(request: web.Request) -> JsonObject:
    """The JSON object a request carries; an empty one when it carries anything else."""
    try:
        body = json.loads(await request.read())
    except ValueError:
        return {}
    return body if isinstance(body, Mapping) else {}


async def chat(
    request: web.Request, desk: Desk, wire: Wire, body: JsonObject, *, model: str, stream: bool
) -> web.StreamResponse:
    """One request to the scripted model."""
    try:
        ask = wire.ask(body, model=model, stream=stream)
    except MalformedRequest:
        visit = desk.admit(request, wire, model=model, stream=stream, sound=False)
        return refuse(desk, visit, stream=False)
    visit = desk.admit(request, wire, model=model, stream=stream, messages=ask.messages, mark=mark_of(ask))
    reply = desk.reply(ask)
    if not visit.answered:
        return await misbehave(request, desk, visit, stream=stream)
    await pause((visit.step.delay_seconds or 0.0) + reply.wait_seconds)
    if stream:
        return await stream_reply(request, desk, visit, visit.wire.frames(ask, reply, visit.stamp), reply.rate)
    return await _whole(request, visit, wire.plain(ask, reply, visit.stamp))


async def data(request: web.Request, desk: Desk, visit: Visit, answer: JsonObject) -> web.StreamResponse:
    """One request for data that no conversation is needed for: a list of models, embeddings."""
    if not visit.answered:
        return await misbehave(request, desk, visit, stream=False)
    await pause(visit.step.delay_seconds or 0.0)
    return await _whole(request, visit, answer)


async def misbehave(request: web.Request, desk: Desk, visit: Visit, *, stream: bool) -> web.StreamResponse:
    """Every behaviour that gives no right answer, whole or in part."""
    await pause(visit.step.delay_seconds or 0.0)
    match visit.step.behaviour:
        case Behaviour.HANG:
            return await faults.hang()
        case Behaviour.RESET:
            return faults.reset(request)
        case Behaviour.EMPTY:
            kind = "text/event-stream" if stream else "application/json"
            return web.Response(headers=visit.headers | {"content-type": kind})
        case _:
            return refuse(desk, visit, stream=stream)


def refuse(desk: Desk, visit: Visit, *, stream: bool) -> web.Response:
    """A complete HTTP answer that is not the one asked for."""
    answer = desk.refusal(visit, stream=stream)
    return web.Response(status=answer.status, body=answer.body, headers=visit.headers | dict(answer.headers))


async def pause(seconds: float) -> None:
    """Waits, unless there is nothing to wait for: a needless turn of the loop is not free."""
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _whole(request: web.Request, visit: Visit, answer: JsonObject) -> web.StreamResponse:
    body = compact(answer).encode()
    if visit.step.behaviour is Behaviour.DIE_MID_STREAM:
        return await faults.die_mid_body(request, body, visit.headers)
    return web.Response(body=body, content_type="application/json", headers=visit.headers)
