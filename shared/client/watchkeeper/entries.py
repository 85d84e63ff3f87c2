"""Entries of a job's stream in Redis: how a reader asks for them, and takes them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from watchkeeper.contract import STREAM
from watchkeeper.events import CLAIM, DATA, KIND, STEP, EventKind
from watchkeeper.wakeup import REDIS_TIMEOUT_S

_KINDS: Final = {kind.value: kind for kind in EventKind}

READING: Final[dict[str, Any]] = {
    "max_connections": 256,  # streams that one client reads at a time; more readers get their stories from SQL
    "socket_connect_timeout": REDIS_TIMEOUT_S,
    "socket_timeout": 4.0,  # longer than a read that waits for an entry (1.5 s at most)
}
"""Options of the connections that entries are read over."""

_BATCH: Final = 500  # entries read at once


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; its id is `<claim>-<number>`, and numbers of one claim are 1, 2, 3, ... without a gap.

    `kind` is None for one that this version does not know: a newer worker tells more.
    """

    id: str
    number: int
    claim: int
    kind: EventKind | None
    step: int | None
    data: dict[str, Any]


def asked(job_id: str, after: str, wait_s: float | None) -> dict[str, Any]:
    """The arguments of XREAD for the entries behind `after`, waiting so long for the first; None: not at all."""
    # A block of 0 would be for ever.
    block = None if wait_s is None else max(1, round(wait_s * 1000))
    return {"streams": {STREAM + job_id: after}, "count": _BATCH, "block": block}


def entries_in(reply: Any) -> Sequence[Entry]:
    """The entries in the reply of XREAD for one stream, by either protocol of Redis."""
    if not reply:
        return ()
    streams = [entry for found in reply.values() for entry in found] if isinstance(reply, dict) else reply[0][1:]
    return [_entry(entry_id.decode(), fields) for entry_id, fields in streams[0]]


def _entry(entry_id: str, fields: dict[bytes, bytes]) -> Entry:
    step = fields[STEP.encode()].decode()
    return Entry(
        id=entry_id,
        number=int(entry_id.partition("-")[2]),
        claim=int(fields[CLAIM.encode()]),
        kind=_KINDS.get(fields[KIND.encode()].decode()),
        step=int(step) if step else None,
        data=json.loads(fields[DATA.encode()]),
    )
