"""Entries of a job's stream in Redis, as a reader takes them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from watchkeeper.events import CLAIM, DATA, KIND, STEP, EventKind

_KINDS: Final = {kind.value: kind for kind in EventKind}

BATCH: Final = 500
"""Entries read at once."""


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
