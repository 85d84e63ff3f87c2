"""What becomes of the model's answer: the job's result, one repair turn, or a failure that keeps the text."""

import asyncio
from typing import Any, Final

import structlog

from workers.agent.answering import Invalid, check_answer, repair_message
from workers.agent.endings import Completed, Failed
from workers.agent.transcript import Transcript

log = structlog.get_logger()

_LONG: Final = 20_000  # characters; checking more takes longer than the event loop may stand still


async def finish(
    text: str, schema: str | None, transcript: Transcript, *, repairing: bool, may_repair: bool
) -> Completed | Failed | dict[str, Any]:
    """The ending, or the message that asks for a repair.

    An answer is repaired once. One of the journal, when the job failed by it and was retried, is repaired once more.

    Args:
        schema: JSON text of the agent's output schema; None = any text will do.
        repairing: the answer is the one to a repair message.
        may_repair: a step is left for it.
    """
    result = _result(text, transcript)
    if schema is None:
        return Completed(result)
    if len(text) > _LONG:
        found = await asyncio.to_thread(check_answer, text, schema)
    else:
        found = check_answer(text, schema)
    if not isinstance(found, Invalid):
        return Completed({**result, "data": found.data})
    fresh = any(step.number == transcript.last for step in transcript.fresh)
    if may_repair and not (repairing and fresh):
        log.info("answer.repair_asked", step=transcript.last, problems=found.problems)
        return repair_message(found.problems)
    cut = " It was cut at the agent's max_tokens." if transcript.served_by.get("finish_reason") == "length" else ""
    words = (
        f"the answer does not keep to the agent's output schema: {'; '.join(found.problems)}.{cut} Its text is kept "
        "(`watchkeeper jobs show`). Make schema or prompt clearer or choose a model that takes schemas, then "
        "`watchkeeper jobs retry`"
    )
    return Failed("invalid_output", words, result)


def _result(text: str, transcript: Transcript) -> dict[str, Any]:
    return {
        "text": text,
        **transcript.served_by,
        "usage": {"input_tokens": transcript.input_tokens, "output_tokens": transcript.output_tokens},
        "cost_usd": transcript.cost_usd,
        "steps": transcript.done,
    }
