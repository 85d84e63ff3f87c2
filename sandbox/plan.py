"""Plans: what a key (or every key) shall meet, read from JSON and checked field by field."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.behaviours import Behaviour

Json = Mapping[str, object]

_BEHAVIOURS = {behaviour.value: behaviour for behaviour in Behaviour}
MAX_SECONDS = 24 * 3600.0
_STEP_FIELDS = frozenset({"behaviour", "times", "delay_seconds", "retry_after_seconds"})
_PLAN_FIELDS = _STEP_FIELDS | {"sequence", "then", "model"}


class PlanError(ValueError):
    """A plan that cannot be followed. The text names the field and what it may hold."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Step:
    """One behaviour for `times` requests (None: for ever). Seconds that are None mean the default."""

    behaviour: Behaviour = Behaviour.OK
    times: int | None = None
    delay_seconds: float | None = None
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, then `then` for ever; for one `model`, or for all when that is None."""

    steps: tuple[Step, ...]
    then: Behaviour = Behaviour.OK
    model: str | None = None


def read_plan(data: object, where: str = "plan") -> Plan:
    """A plan from JSON `data`; `where` is the field name that errors begin with.

    Raises:
        PlanError: a field is unknown, missing, of the wrong type or out of range.
    """
    fields = _object(data, where, _PLAN_FIELDS)
    model = fields.get("model")
    if model is not None and not (isinstance(model, str) and model):
        raise PlanError(f"{where}.model", "must be a model name or null")
    then = _behaviour(fields.get("then", Behaviour.OK), f"{where}.then")
    if "sequence" not in fields:
        return Plan((_step(fields, where, times=None),), then, model)
    if mixed := sorted(_STEP_FIELDS & fields.keys()):
        raise PlanError(f"{where}.{mixed[0]}", "belongs inside the entries of `sequence` when there is one")
    entries = fields["sequence"]
    if not isinstance(entries, list) or not entries:
        raise PlanError(f"{where}.sequence", "must be a list with at least one behaviour")
    return Plan(tuple(_entry(e, f"{where}.sequence[{i}]") for i, e in enumerate(entries)), then, model)


def _entry(entry: object, where: str) -> Step:
    if isinstance(entry, str):
        return Step(_behaviour(entry, where), times=1)
    return _step(_object(entry, where, _STEP_FIELDS), where, times=1)


def _step(fields: Json, where: str, times: int | None) -> Step:
    return Step(
        behaviour=_behaviour(fields.get("behaviour", Behaviour.OK), f"{where}.behaviour"),
        times=_times(fields.get("times", times), f"{where}.times"),
        delay_seconds=_seconds(fields.get("delay_seconds"), f"{where}.delay_seconds"),
        retry_after_seconds=_seconds(fields.get("retry_after_seconds"), f"{where}.retry_after_seconds"),
    )


def _object(data: object, where: str, allowed: frozenset[str]) -> Json:
    if not isinstance(data, Mapping):
        raise PlanError(where, "must be a JSON object")
    if unknown := sorted(data.keys() - allowed):
        raise PlanError(f"{where}.{unknown[0]}", f"is unknown; known are {', '.join(sorted(allowed))}")
    return data


def _behaviour(value: object, where: str) -> Behaviour:
    if isinstance(value, str) and value in _BEHAVIOURS:
        return _BEHAVIOURS[value]
    raise PlanError(where, f"{value!r} is no behaviour; known are {', '.join(Behaviour)}")


def _times(value: object, where: str) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise PlanError(where, "must be a whole number of at least 1, or null for ever")


def _seconds(value: object, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
        if math.isfinite(seconds) and 0 <= seconds <= MAX_SECONDS:
            return seconds
    raise PlanError(where, f"must be a number of seconds from 0 to {MAX_SECONDS:.0f}, or null")
