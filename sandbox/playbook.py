"""The plans in force: which step the next request of a key meets."""

import json
from collections.abc import Mapping
from pathlib import Path

from sandbox.behaviours import ANSWERED_RIGHT, SEEN_BY_LISTING, Behaviour
from sandbox.plan import Plan, PlanError, Step, read_plan

SLOW_SECONDS = 5.0
"""How late a `slow` answer is when its plan does not say."""

Target = tuple[str | None, str | None]
"""Whom a plan is for: (key, model); None stands for all."""


class _Cursor:
    """How far one plan has been followed."""

    __slots__ = ("_at", "_served", "plan")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._at = 0
        self._served = 0

    def peek(self) -> Step:
        steps = self.plan.steps
        return steps[self._at] if self._at < len(steps) else Step(self.plan.then)

    def use(self) -> None:
        if self._at >= len(self.plan.steps):
            return
        self._served += 1
        times = self.plan.steps[self._at].times
        if times is not None and self._served >= times:
            self._at += 1
            self._served = 0


class Playbook:
    """Plans by (key, model). The nearest one counts: key and model, key, all keys on the model, all."""

    def __init__(self, initial: Mapping[Target, Plan]) -> None:
        self._initial = initial
        self._cursors: dict[Target, _Cursor] = {}
        self.reset()

    def reset(self) -> None:
        """Back to the plans of the start, each from its first step."""
        self._cursors = {target: _Cursor(plan) for target, plan in self._initial.items()}

    def set(self, key: str | None, plan: Plan) -> None:
        """Follow `plan` for `key` (None: for all keys) from its first step."""
        self._cursors[key, plan.model] = _Cursor(plan)

    def forget(self, key: str | None) -> int:
        """Drop every plan of `key`, for whatever model; tells how many there were."""
        targets = [target for target in self._cursors if target[0] == key]
        for target in targets:
            del self._cursors[target]
        return len(targets)

    def next_step(self, key: str, model: str | None, *, listing: bool) -> Step:
        """The step this request meets, which is thereby used up; its delay is filled in, in seconds."""
        cursor = self._nearest(key, model)
        step = cursor.peek() if cursor else Step()
        if listing and step.behaviour not in SEEN_BY_LISTING:
            step = Step()
        elif cursor:
            cursor.use()
        delay = step.delay_seconds
        if delay is None:
            delay = SLOW_SECONDS if step.behaviour is Behaviour.SLOW else self._usual_delay()
        return Step(step.behaviour, step.times, delay, step.retry_after_seconds)

    def _nearest(self, key: str, model: str | None) -> _Cursor | None:
        cursors = self._cursors
        if not cursors:
            return None
        for target in ((key, model), (key, None), (None, model), (None, None)):
            if cursor := cursors.get(target):
                return cursor
        return None

    def _usual_delay(self) -> float:
        everyone = self._cursors.get((None, None))
        step = everyone.peek() if everyone else Step()
        return step.delay_seconds or 0.0 if step.behaviour in ANSWERED_RIGHT else 0.0


def read_script(path: Path) -> dict[Target, Plan]:
    """The plans in a start-up file: ``{"default": PLAN, "keys": {KEY: PLAN or [PLAN, ...]}}``.

    Raises:
        PlanError: the file cannot be read, is no JSON, or a field in it is wrong.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise PlanError(str(path), f"cannot be read: {problem.strerror}") from problem
    except ValueError as problem:
        raise PlanError(str(path), f"is not JSON: {problem}") from problem
    if not isinstance(data, dict):
        raise PlanError(str(path), 'must hold a JSON object with "default" and "keys"')
    if unknown := sorted(data.keys() - {"default", "keys"}):
        raise PlanError(unknown[0], "is unknown; known are default, keys")
    keys = data.get("keys", {})
    if not isinstance(keys, dict):
        raise PlanError("keys", "must be a JSON object: key to plan")
    plans: dict[Target, Plan] = {}
    for key, where, given in (
        (None, "default", data.get("default", [])),
        *((key, f"keys.{key}", plan) for key, plan in keys.items()),
    ):
        for number, entry in enumerate(given if isinstance(given, list) else [given]):
            plan = read_plan(entry, f"{where}[{number}]" if isinstance(given, list) else where)
            plans[key, plan.model] = plan
    return plans
