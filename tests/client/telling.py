"""What a worker would leave in the stores while it runs a job."""

import json
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import insert, update

from shared.db.tables import steps
from tests.client.conftest import Stores
from watchkeeper import EventKind
from watchkeeper.contract import STREAM, jobs


class Claim:
    """Entries of one claim, numbered as a worker numbers them."""

    def __init__(self, stores: Stores, job_id: str, claim: int = 1) -> None:
        self._stores = stores
        self._key = STREAM + job_id
        self._claim = claim
        self._numbers = count(1)

    def say(self, kind: str, step: int | None = None, /, *, claim: int | None = None, **data: Any) -> str:
        """Append an entry; its id."""
        entry_id = f"{self._claim}-{next(self._numbers)}"
        fields: dict[Any, Any] = {
            "k": kind,
            "s": "" if step is None else step,
            "c": self._claim if claim is None else claim,
            "d": json.dumps(data),
        }
        self._stores.redis.xadd(self._key, fields, id=entry_id)
        return entry_id

    def reply(self, step: int, *pieces: str) -> None:
        """A reply, told whole."""
        self.say("step_started", step, kind="llm")
        for piece in pieces:
            self.say("token", step, text=piece)
        self.say("step_finished", step, kind="llm", text="".join(pieces))


@dataclass(frozen=True, slots=True)
class Journal:
    """The service's tables, as a worker fills them."""

    stores: Stores
    job_id: str

    def begin(self) -> None:
        """Somebody runs it."""
        self.change(state="running", claim_token=1)

    def reply(self, number: int, text: str, *, calls: tuple[str, ...] = (), claim: int = 1) -> None:
        """A finished LLM step."""
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = [
                {"id": call, "type": "function", "function": {"name": "look_up", "arguments": "{}"}} for call in calls
            ]
        served_by = {"model": "m", "provider": "p"}
        self._step(number, "llm", {"message": message, "served_by": served_by}, claim)

    def tool(self, number: int, call: str, text: str, *, claim: int = 1) -> None:
        """A finished tool step."""
        message = {"role": "tool", "tool_call_id": call, "content": text}
        self._step(number, "tool", {"message": message, "served_by": {}}, claim)

    def end(self, text: str, **values: Any) -> None:
        """The final result, committed and told to nobody."""
        self.change(**{"state": "completed", "result": json.dumps({"text": text}), "finished_at": 1, **values})

    def _step(self, number: int, kind: str, result: dict[str, Any], claim: int) -> None:
        row = {"job_id": self.job_id, "number": number, "kind": kind, "request_hash": "x", "claim_token": claim}
        with self.stores.engine.begin() as connection:
            connection.execute(insert(steps).values(**row, result=json.dumps(result), finished_at=1))
        self.change(steps=jobs.c.steps + 1)

    def change(self, **values: Any) -> None:
        """Set columns of the job."""
        with self.stores.engine.begin() as connection:
            connection.execute(update(jobs).where(jobs.c.id == self.job_id).values(**values))


def kinds(events: Any) -> list[tuple[EventKind, int | None]]:
    """Kind and step of each."""
    return [(event.kind, event.step) for event in events]
