"""Steps and attempts as a job's loop would record them."""

from workers.journal.records import Attempt, Step


def step(number: int, text: str = "done", kind: str = "llm") -> Step:
    """A finished step."""
    return Step(number, kind, "0" * 64, {"role": "assistant", "content": text}, {"model": "m"}, 3, 5, None)


def attempt(number: int, cause: str | None = None) -> Attempt:
    """An attempt for step `number`."""
    return Attempt(
        step=number,
        provider="p",
        model="p/m",
        key_label="Key 1",
        key_mask="...",
        key_fingerprint="f" * 20,
        generation=1,
        cause=cause,
        status=None if cause else 200,
        detail=None,
        started_at=1,
        duration_ms=2,
    )
