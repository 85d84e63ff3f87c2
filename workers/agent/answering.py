"""An answer held against the agent's JSON schema. Pure; what is wrong is said in words the model can act on."""

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from jsonschema import Draft202012Validator

LONGEST_ANSWER: Final = 1_000_000
"""Characters. A longer answer is refused unread: checking it would take seconds."""

_MOST_PROBLEMS: Final = 5
_FENCE: Final = re.compile(r"```(?:json)?[ \t]*\r?\n(.*?)\r?\n[ \t]*```", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Valid:
    """The answer's value."""

    data: Any


@dataclass(frozen=True, slots=True)
class Invalid:
    """Why it is none, the first few reasons."""

    problems: tuple[str, ...]


def check_answer(text: str, schema: str) -> Valid | Invalid:
    """Read `text` as JSON (a Markdown fence around it is tolerated) and hold it against `schema` (JSON text)."""
    if len(text) > LONGEST_ANSWER:
        return Invalid((f"it has {len(text)} characters, at most {LONGEST_ANSWER} are read",))
    try:
        data = _read(text)
        errors = islice(Draft202012Validator(json.loads(schema)).iter_errors(data), _MOST_PROBLEMS)
        problems = tuple(f"{error.json_path}: {error.message[:300]}" for error in errors)
    except ValueError as error:
        return Invalid((f"it is no JSON: {error}",))
    except RecursionError:
        return Invalid(("it is nested too deeply",))
    return Invalid(problems) if problems else Valid(data)


def repair_message(problems: tuple[str, ...]) -> dict[str, Any]:
    """What the model is told after an answer that does not keep to the schema."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    words = "Answer again, with the corrected JSON value only: no explanation, no code fence."
    return {"role": "user", "content": f"Your answer does not keep to the JSON schema:\n{listed}\n{words}"}


def _read(text: str) -> Any:
    try:
        return _strict(text)
    except ValueError:
        fenced = _FENCE.findall(text)
        if len(fenced) != 1:
            raise
        return _strict(fenced[0])


def _strict(text: str) -> Any:
    return json.loads(text, parse_constant=_no_number, parse_float=_finite)


def _finite(text: str) -> float:
    number = float(text)
    return number if abs(number) != float("inf") else _no_number(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text[:40]} is no JSON number")
