"""One LLM step: what is asked, who answers, what is kept of it."""

from typing import Any

from workers.agent.fitting import StepFitting
from workers.agent.model_facts import ModelFacts
from workers.agent.transcript import LLM, Transcript, request_hash
from workers.journal.records import ClaimedJob, Step
from workers.router.calls import Answered, Call, Gone, Refused, Unserved
from workers.router.router import Router
from workers.telling.listening import StepListener
from workers.telling.teller import Teller


class Replies:
    """Gets the next LLM reply of a job: from its journal, else from a provider."""

    def __init__(self, router: Router, facts: ModelFacts) -> None:
        self._router = router
        self._facts = facts

    async def next(
        self, job: ClaimedJob, transcript: Transcript, described: list[dict[str, Any]], teller: Teller
    ) -> dict[str, Any] | Refused | Unserved | Gone:
        """The reply's message as the model sent it, or why there is none. `described` are the tools offered."""
        asked = request_hash(transcript.messages, described)
        step = transcript.replayed(LLM, asked, job.id)
        if step is not None:
            return step.message
        number = transcript.last + 1
        teller.step_started(number, LLM)
        listener = StepListener(teller, number) if teller.speaks else None
        call = Call(job.agent, number, transcript.messages, described, job.deadline_ms, transcript.attempts, listener)
        call.fitting = StepFitting(self._facts, transcript, described)
        outcome = await self._router.serve(call)
        if not isinstance(outcome, Answered):
            return outcome
        step = Step(
            number=number,
            kind=LLM,
            request_hash=asked,
            message=outcome.reply.message,
            served_by={
                "model": outcome.candidate.model.id,
                "provider": outcome.candidate.provider.name,
                "key": outcome.candidate.label,
                "generation": outcome.generation,
                "finish_reason": outcome.reply.finish_reason,
                **({"trimmed_messages": outcome.trimmed_messages} if outcome.trimmed_messages else {}),
            },
            input_tokens=outcome.reply.input_tokens,
            output_tokens=outcome.reply.output_tokens,
            cost_usd=outcome.cost_usd,
        )
        transcript.add(step)
        teller.step_finished(step)
        return step.message
