"""What an answer means and what Watchkeeper would do with it, in words and as data. Asks nobody."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from console.spans import in_words
from shared.classification import Cause, Failure, Verdict, classify

_OF_THE_JOB: Final = frozenset({Cause.BAD_REQUEST, Cause.CONTEXT_WINDOW, Cause.CONTENT_POLICY})
_SUBJECTS: Final = {
    "key": "the key",
    "key_model": "the key with this model",
    "model": "this model",
    "provider": "the provider",
    "egress": "this host's way to the provider",
}


def as_data(verdict: Verdict) -> dict[str, Any]:
    """The verdict for JSON; `until` is ISO 8601 in UTC, or None."""
    return {
        "cause": verdict.cause.value,
        "scope": verdict.scope.value,
        "until": None if verdict.until is None else verdict.until.isoformat(),
        "confidence": verdict.confidence.value,
        "advice": verdict.advice,
        "rule": verdict.rule,
    }


def consequence(verdict: Verdict, now: datetime) -> str:
    """What the fleet does after such an attempt."""
    from shared.keystate.plan import BREAKER_WINDOW_MS, Concerned, plan  # a stream of rows does without it

    if verdict.cause in _OF_THE_JOB:
        return "nothing is set aside and no other key is tried: the job fails at once"
    concerned = Concerned(fingerprint="this-key", model_id="this-model", provider="this-provider", host="this-host")
    aside = plan(verdict, concerned, now=now)
    if aside is None:
        return "the next candidate is tried; nothing is set aside"
    who = _SUBJECTS[aside.subject.split(":", 1)[0]]
    if aside.until_ms is not None:
        span = f"for {in_words(aside.until_ms - round(now.timestamp() * 1000))}"
    else:
        span = f"for {in_words(aside.base_ms)}, doubling each time up to {in_words(aside.cap_ms)}"
    when = ""
    if aside.failures > 1:
        when = f"after {aside.failures} such failures within {in_words(BREAKER_WINDOW_MS)} "
    return f"the next candidate is tried; {when}{who} is {aside.state.value} {span}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the answer; `fine` False = the row could not be read."""

    data: dict[str, Any]
    fine: bool


def explain_lines(lines: Iterable[str], now: datetime) -> Iterator[Line]:
    """One answer for each non-blank line, in order."""
    for text in lines:
        if text.strip():
            yield _explain_line(text, now)


def _explain_line(text: str, now: datetime) -> Line:
    row_id = None
    try:
        row = json.loads(text)
        if not isinstance(row, dict):
            return Line({"id": None, "error": "the line is no JSON object"}, fine=False)
        row_id = row.get("id")
        failure = Failure.from_row(row)
    except RecursionError:
        return Line({"id": row_id, "error": "the line is nested too deeply"}, fine=False)
    except json.JSONDecodeError as error:
        return Line({"id": row_id, "error": f"the line is no JSON: {error.msg}"}, fine=False)
    except (ValueError, TypeError) as error:
        return Line({"id": row_id, "error": str(error)}, fine=False)
    return Line({"id": row_id, **as_data(classify(failure, now))}, fine=True)
