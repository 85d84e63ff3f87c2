"""Looks up an answer and fills in what it quotes: model, key, waiting time."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sandbox.behaviours import Behaviour
from sandbox.ledger import mask
from sandbox.wire.contract import compact

MISSING_KEY = "missing_key"
_HTML = {Behaviour.HTML: 403, Behaviour.HTML_5XX: 520}


@dataclass(frozen=True, slots=True)
class Answer:
    """Ready to be sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Quoted:
    """What a refusal may mention. `wait_seconds` None takes the answer's own usual wait."""

    key: str
    model: str
    request_id: str
    now_ms: int
    wait_seconds: float | None = None


class AnswerBook:
    """Answers by wire format and name. A name is a behaviour or `MISSING_KEY`."""

    def __init__(self, folder: Path) -> None:
        self._pages = {
            behaviour: Answer(
                status,
                {"content-type": "text/html; charset=UTF-8", "server": "cloudflare"},
                (folder / f"{behaviour}.html").read_bytes(),
            )
            for behaviour, status in _HTML.items()
        }
        self._answers: dict[str, dict[str, dict[str, object]]] = {
            wire: json.loads((folder / f"{wire}.json").read_text(encoding="utf-8"))
            for wire in ("openai", "anthropic", "gemini")
        }

    def page(self, behaviour: Behaviour) -> Answer | None:
        """The HTML page of a CDN, when the behaviour is one."""
        return self._pages.get(behaviour)

    def answer(self, wire: str, name: str, quoted: Quoted, *, stream: bool) -> Answer:
        """The refusal `name` as the provider words it. A few come as events when a stream was asked for."""
        recipe = self._answers[wire][name]
        words = _words(quoted, recipe.get("wait_seconds"))
        status, headers = recipe["status"], _filled(recipe["headers"], words)
        if not isinstance(status, int) or not isinstance(headers, dict):
            raise TypeError(f"{wire}.json, {name}: status must be a number and headers an object")
        if stream and isinstance(events := recipe.get("stream"), list):
            body = "".join(_event(_filled(event, words)) for event in events)
            return Answer(status, headers | {"content-type": "text/event-stream; charset=utf-8"}, body.encode())
        body = compact(_filled(recipe["body"], words))
        return Answer(status, headers | {"content-type": "application/json"}, body.encode())


def _words(quoted: Quoted, usual_wait: object) -> dict[str, str]:
    wait = quoted.wait_seconds
    if wait is None:
        wait = float(usual_wait) if isinstance(usual_wait, int | float) else 0.0
    back = datetime.fromtimestamp(quoted.now_ms / 1000, UTC) + timedelta(seconds=wait)
    midnight = (back + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "key": quoted.key,
        "masked_key": mask(quoted.key),
        "model": quoted.model,
        "request_id": quoted.request_id,
        "seconds": str(math.ceil(wait)),
        "wait": _duration(wait),
        "reset_at": back.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "regain_day": midnight.strftime("%Y-%m-%d"),
    }


def _duration(seconds: float) -> str:
    """The way OpenAI and Groq write it: 450ms, 11.455s, 7m12s, 114h18m0s."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{round(rest, 3):g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _filled(value: object, words: Mapping[str, str]) -> object:
    if isinstance(value, str):
        if "<<" in value:
            for word, text in words.items():
                value = value.replace(f"<<{word}>>", text)
        return value
    if isinstance(value, dict):
        return {name: _filled(entry, words) for name, entry in value.items()}
    return [_filled(entry, words) for entry in value] if isinstance(value, list) else value


def _event(event: object) -> str:
    if not isinstance(event, dict):
        raise TypeError("an entry of `stream` must be an object with `data` and perhaps `event`")
    name = f"event: {event['event']}\n" if "event" in event else ""
    return f"{name}data: {compact(event['data'])}\n\n"
