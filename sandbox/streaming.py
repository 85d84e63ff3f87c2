"""A reply as server-sent events: at once or at a rate, whole or broken in the middle."""

import asyncio
from typing import Final

from aiohttp import ClientConnectionResetError, web

from sandbox import faults
from sandbox.behaviours import BROKEN_STREAMS, Behaviour
from sandbox.conversation import SENT_AT
from sandbox.desk import Desk, Visit

_PLACE: Final = SENT_AT.encode()
_BROKEN: Final = BROKEN_STREAMS | {Behaviour.DIE_MID_STREAM}


async def stream_reply(
    request: web.Request, desk: Desk, visit: Visit, frames: list[bytes], rate: float | None
) -> web.StreamResponse:
    """Sends `frames`, `rate` a second (None: as fast as they go), one write each.

    A stream that is to break does so after half of them.
    """
    response = await faults.begin_stream(request, visit.headers)
    behaviour = visit.step.behaviour
    breaks = behaviour in _BROKEN
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number, frame in enumerate(frames[: (len(frames) + 1) // 2] if breaks else frames):
        # By the schedule and not by pauses: those would add up.
        if rate and (wait := begun + number / rate - loop.time()) > 0:
            await asyncio.sleep(wait)
        stamped = frame.replace(_PLACE, b"%016d" % desk.clock.epoch_us()) if _PLACE in frame else frame
        try:
            await response.write(stamped)
        except ClientConnectionResetError:
            return response  # the caller went away: there is nobody to answer
    match behaviour:
        case Behaviour.DIE_MID_STREAM:
            faults.drop(request)
            return response
        case Behaviour.HANG_MID_STREAM:
            return await faults.hang()
        case Behaviour.ERROR_MID_STREAM:
            await response.write(desk.error_event(visit))
        case _:
            pass
    await response.write_eof()
    return response
