"""What the agent loop and the runner call to tell a job's story as it happens (`watchkeeper.events`)."""

from typing import Any, Final, Protocol

from watchkeeper.events import EventKind
from workers.journal.records import Step

LLM: Final = "llm"


class Teller:
    """One job's voice. This one says nothing: it is every job's that nobody asked to stream.

    Called on the event loop. No method blocks, and none raises: a story that cannot be told harms no job.
    """

    __slots__ = ()

    @property
    def speaks(self) -> bool:
        """False when nobody listens: a reply need not be streamed from the provider then."""
        return False

    def step_started(self, number: int, kind: str, **data: Any) -> None:
        """Step `number` begins: `kind` "llm", or "tool" with name, arguments (JSON text) and tool_call_id."""

    def token(self, number: int, text: str) -> None:
        """The next piece of step `number`'s reply."""

    def step_reset(self, number: int, why: str) -> None:
        """What was told of step `number` is void: it is done again."""

    def step_finished(self, step: Step) -> None:
        """`step` is done. A step replayed from the journal is not told."""

    def waiting(self, state: str, why: str, run_after_ms: int | None) -> None:
        """The job gave way, and that is committed."""

    def ended(
        self,
        state: str,
        *,
        text: str = "",
        error_cause: str | None = None,
        error_message: str | None = None,
        steps: int = 0,
        result: dict[str, Any] | None = None,
    ) -> None:
        """The last event. Only once the final result is committed."""


class Voice(Protocol):
    """Where a story goes: one job's stream (workers/telling/story.py)."""

    def say(self, kind: EventKind, step: int | None, data: dict[str, Any]) -> None:
        """Append an event."""

    def say_text(self, step: int, text: str) -> None:
        """Append a piece of the reply of `step`."""


class StreamTeller(Teller):
    """Tells a job that was enqueued with `stream`, under one claim.

    A later claim repeats what an earlier one may have told in part: until its first new reply begins, each step it
    starts is reset first.
    """

    __slots__ = ("_again", "_voice")

    def __init__(self, voice: Voice, *, first_claim: bool) -> None:
        self._voice = voice
        self._again = "" if first_claim else "any"

    @property
    def speaks(self) -> bool:
        return True

    def step_started(self, number: int, kind: str, **data: Any) -> None:
        if self._again in ("any", kind):
            self.step_reset(number, "another worker goes on with the job")
        # Tools of one turn run side by side, so several may have been told in part; of replies only the first.
        self._again = kind if self._again and kind != LLM else ""
        self._voice.say(EventKind.STEP_STARTED, number, {"kind": kind, **data})

    def token(self, number: int, text: str) -> None:
        self._voice.say_text(number, text)

    def step_reset(self, number: int, why: str) -> None:
        self._voice.say(EventKind.STEP_RESET, number, {"why": why})

    def step_finished(self, step: Step) -> None:
        data: dict[str, Any] = {"kind": step.kind, "text": step.message.get("content") or ""}
        if step.kind == LLM:
            data |= {
                "model": step.served_by.get("model"),
                "provider": step.served_by.get("provider"),
                "tool_calls": step.message.get("tool_calls", []),
                "input_tokens": step.input_tokens,
                "output_tokens": step.output_tokens,
                "cost_usd": step.cost_usd,
            }
        self._voice.say(EventKind.STEP_FINISHED, step.number, data)

    def waiting(self, state: str, why: str, run_after_ms: int | None) -> None:
        self._voice.say(EventKind.WAITING, None, {"state": state, "why": why, "run_after_ms": run_after_ms})

    def ended(
        self,
        state: str,
        *,
        text: str = "",
        error_cause: str | None = None,
        error_message: str | None = None,
        steps: int = 0,
        result: dict[str, Any] | None = None,
    ) -> None:
        data = {
            "state": state,
            "text": text,
            "error_cause": error_cause,
            "error_message": error_message,
            "steps": steps,
            "result": result,
        }
        self._voice.say(EventKind.ENDED, None, data)
