"""Named points in a worker at which it kills itself, when the harness has armed one. Loaded with the tools.

A point is armed by a file of its name; whichever process reaches the point first removes the file, tells the harness
and dies. The worker's code knows nothing of it: the points are put around its methods.
"""

import asyncio
import functools
import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.journal.claiming import Claim
from workers.journal.operations import Finish, RecordSteps, StartTool
from workers.journal.writer import JournalWriter
from workers.llm.call import LlmCalls
from workers.telling.teller import StreamTeller

_OPEN_SECONDS = 0.02  # the request has left by then
_TOLD = re.compile(r"word(\d+)")  # the pieces of a streamed reply: tests.chaos.readers
_SURELY_TOLD, _LAST = 8, 40  # after 0.1 s of words the publisher has sent the first

_BEFORE = {
    Claim: "before_claim",
    RecordSteps: "before_step_commit",
    StartTool: "before_tool",
    Finish: "before_final_commit",
}
_AFTER = {
    Claim: "after_claim",
    RecordSteps: "after_step_commit",
    StartTool: "after_tool_start_commit",
    Finish: "after_commit_before_wakeup",
}


def reached(point: str) -> None:
    """Die here, if the point is armed."""
    folder = Path(os.environ["CHAOS_FOLDER"])
    try:
        (folder / point).unlink()
    except FileNotFoundError:
        return
    told = json.dumps({"point": point, "pid": os.getpid(), "at_ms": time.time_ns() // 1_000_000}) + "\n"
    kills = os.open(folder / "kills", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(kills, told.encode())
    os.kill(os.getpid(), signal.SIGKILL)


def _around(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(make(original)))


def _journal(original: Any) -> Any:
    async def do(self: JournalWriter, operation: Any) -> Any:
        if point := _BEFORE.get(type(operation)):
            reached(point)
        outcome = await original(self, operation)
        if (point := _AFTER.get(type(operation))) and (point != "after_claim" or outcome is not None):
            reached(point)
        return outcome

    return do


def _call(original: Any) -> Any:
    async def call(self: LlmCalls, **options: Any) -> Any:
        if options["remote_name"] == "warm-up":
            return await original(self, **options)
        reached("before_llm_request")
        asking = asyncio.ensure_future(original(self, **options))
        try:
            await asyncio.wait({asking}, timeout=_OPEN_SECONDS)
            if not asking.done():
                reached("during_llm_call")
            reply = await asking
        except asyncio.CancelledError:
            asking.cancel()
            raise
        reached("after_llm_reply")
        return reply

    return call


def _token(original: Any) -> Any:
    def token(self: StreamTeller, number: int, text: str) -> None:
        original(self, number, text)
        word = _TOLD.search(text)
        if word and _SURELY_TOLD <= int(word[1]) < _LAST:
            reached("during_stream")

    return token


_around(JournalWriter, "do", _journal)
_around(LlmCalls, "call", _call)
_around(StreamTeller, "token", _token)
