"""What a job tells while it runs: the events of `client.stream`."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventKind(StrEnum):
    """In the order they come. `data` of each:

    - `step_started`: kind ("llm" or "tool"); for a tool also name, arguments (JSON text), tool_call_id.
    - `token`: text, a piece of the LLM reply of this step.
    - `step_reset`: why. What was told of this step so far is void: it is done again, whole. Without a step all that
      was told so far is void: the story begins anew.
    - `step_finished`: kind, text (the whole reply, or the tool's result), and for an LLM reply model, provider,
      tool_calls, input_tokens, output_tokens, cost_usd.
    - `waiting`: state ("waiting", "parked" or "queued"), why, run_after_ms. The job gave way and goes on by itself.
    - `ended`: state, text, error_cause, error_message, steps, result. Always the last one, exactly once.
    """

    STEP_STARTED = "step_started"
    TOKEN = "token"  # noqa: S105 - not a password
    STEP_RESET = "step_reset"
    STEP_FINISHED = "step_finished"
    WAITING = "waiting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `id` continues the story with `stream(after=id)`; `step` is None for what concerns the whole job."""

    id: str
    kind: EventKind
    step: int | None
    data: dict[str, Any] = field(default_factory=dict)


# How an event is stored in the Redis stream of its job (watchkeeper.contract.STREAM): the fields of an entry.
KIND = "k"
STEP = "s"
"""Step number, or empty."""
CLAIM = "c"
"""Claim token of the worker that told it: an event with a lower one than seen before comes from a zombie; skip it."""
DATA = "d"
"""JSON of `data`."""
