"""Where log lines go: a full disk, or a reader that is gone, costs lines and nothing else."""

import json
import os
from typing import TextIO


class LogStream:
    """Writes each text at once, past Python's buffers: what could not be written is not in the way at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = 0
        self._torn = ""
        try:
            self._descriptor: int | None = stream.fileno()
        except (OSError, ValueError):  # not a file, as in a test
            self._descriptor = None

    def write(self, text: str) -> int:
        """Write it, or count it among the lost; how many those were stands before the next one that is written."""
        told = self._torn + _lost(self._lost) + text if self._lost else text
        data = rest = told.encode(errors="backslashreplace")
        try:
            if self._descriptor is None:
                self._stream.write(told)
            else:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self._lost += 1
            self._torn = "\n" if len(rest) < len(data) else self._torn  # half a line stands there
        else:
            self._lost, self._torn = 0, ""
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back, except by a stream that is no file."""
        if self._descriptor is None:
            self._stream.flush()


def _lost(lines: int) -> str:
    event = {"event": "log.lines_lost", "level": "warning", "lines": lines}
    return json.dumps({**event, "advice": "not written: was the disk full, or their reader slow?"}) + "\n"
