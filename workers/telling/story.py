"""One job's stream as one claim writes it: what is still to be sent, under which ids. Pure."""

import json
from dataclasses import dataclass, field
from typing import Any

from shared.sound_text import sound
from watchkeeper.contract import STREAM
from watchkeeper.events import CLAIM, DATA, KIND, STEP, EventKind


@dataclass(slots=True)
class _Line:
    """One entry. Tokens of one step that wait together become one."""

    kind: EventKind
    step: int | None
    pieces: list[str] = field(default_factory=list)
    data: str = ""


class Story:
    """Ids are `<claim>-<n>`, n = 1, 2, ...: repeating an entry after a lost answer is refused by Redis, and so is an
    entry of an older claim. Only the story's beginning makes a stream; the rest continues one or, where it vanished,
    is not written at all. So a stream is whole from its beginning, or it is not there.
    """

    __slots__ = ("_begins", "_claim", "_lines", "_number", "ended", "expires_at", "key", "lost", "size")

    def __init__(self, job_id: str, *, claim: int, begins: bool) -> None:
        """`begins`: nothing of the job was finished before, so what this claim tells is the whole story."""
        self.key = STREAM + job_id
        self._claim = claim
        self._begins = begins
        self._number = 0
        self._lines: list[_Line] = []
        self.size = 0
        """Characters that wait to be sent, roughly."""
        self.expires_at = 0.0
        """When its time to live was last counted from, by the publisher's clock."""
        self.ended = False
        self.lost = False
        """It has a hole: nothing more of it is written."""

    def add(self, kind: EventKind, step: int | None, data: dict[str, Any]) -> None:
        """Append an event."""
        # An event that cannot be written as JSON is still told: a teller never raises.
        text = json.dumps(data, ensure_ascii=False, default=str)
        self.size += len(text)
        self.ended = kind is EventKind.ENDED
        self._lines.append(_Line(kind, step, data=text))

    def add_text(self, step: int, text: str) -> None:
        """Append a piece of a reply."""
        self.size += len(text)
        last = self._lines[-1] if self._lines else None
        if last is not None and last.kind is EventKind.TOKEN and last.step == step:
            last.pieces.append(text)
        else:
            self._lines.append(_Line(EventKind.TOKEN, step, [text]))

    def commands(self) -> list[tuple[str, ...]]:
        """XADD commands for what waits, which counts as sent from here on."""
        lines, self._lines, self.size = self._lines, [], 0
        return [self._command(line) for line in lines]

    def lose(self) -> None:
        """Forget what waits, and write nothing more."""
        self.lost = True
        self._lines, self.size = [], 0

    def _command(self, line: _Line) -> tuple[str, ...]:
        self._number += 1
        makes = self._begins and self._number == 1
        data = line.data or json.dumps({"text": "".join(line.pieces)}, ensure_ascii=False)
        return (
            *(("XADD", self.key) if makes else ("XADD", self.key, "NOMKSTREAM")),
            f"{self._claim}-{self._number}",
            *(KIND, line.kind.value),
            *(STEP, "" if line.step is None else str(line.step)),
            *(CLAIM, str(self._claim)),
            *(DATA, sound(data)),
        )
