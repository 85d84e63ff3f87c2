"""What one reader was told, held against the promises of `watchkeeper.events`. Pure."""

from watchkeeper import Job
from watchkeeper.events import Event, EventKind
from watchkeeper.states import JobState
from watchkeeper.story_text import StoryText


class Told:
    """Feed it every event in the order it came; `wrong` names what broke a promise."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.trace: list[str] = []
        """Each event in short, for whoever has to find out why."""
        self.tokens = 0
        self.taken_back = 0
        """Steps that had been told in part, or whole stories, that were told again."""
        self.anew = 0
        self.last: Event | None = None
        self._story = StoryText()
        self._begun: set[int] = set()
        self._finished: set[int] = set()

    @property
    def ended(self) -> bool:
        """True once the story is over."""
        return self.last is not None and self.last.kind is EventKind.ENDED

    def feed(self, event: Event) -> None:
        """Take the next event."""
        if self.ended:
            self.wrong.append(f"{event.kind} of step {event.step} after ended")
        self.last = event
        self.trace.append(f"{event.id} {event.kind} {event.step or ''}")
        self._story.feed(event)
        step = event.step
        if event.kind is EventKind.STEP_RESET:
            self._take_back(step)
        elif step is None:
            return
        elif event.kind is EventKind.STEP_STARTED:
            if step in self._begun | self._finished:
                self.wrong.append(f"step {step} started again without a reset")
            self._begun.add(step)
        elif step not in self._begun:
            self.wrong.append(f"{event.kind} of step {step}, which is not going on")
        elif event.kind is EventKind.TOKEN:
            self.tokens += 1
        elif event.kind is EventKind.STEP_FINISHED:
            self._begun.discard(step)
            self._finished.add(step)
            if event.data["kind"] == "llm" and self._story.replies.get(step, "") != event.data["text"]:
                self.wrong.append(f"the tokens of step {step} are not its text")

    def hold_against(self, job: Job) -> list[str]:
        """All that is wrong, now that the job is over."""
        if not self.ended:
            return [*self.wrong, f"the story did not end; the last was {self.last}"]
        assert self.last is not None
        wrong = list(self.wrong)
        if self.last.data["state"] != job.state or self.last.data["text"] != (job.text or ""):
            wrong.append(f"ended tells {self.last.data['state']}, {self.last.data['text']!r}")
        if job.state is not JobState.COMPLETED:  # a step may stay told in part
            return wrong
        if self._story.text != job.text or self._story.replies.get(job.steps) != job.text:
            wrong.append(f"the text was told as {self._story.replies.get(job.steps)!r}")
        if self._finished != set(range(1, job.steps + 1)) or self._begun:
            wrong.append(f"told whole {sorted(self._finished)}, in part {sorted(self._begun)}, of {job.steps} steps")
        return wrong

    def _take_back(self, step: int | None) -> None:
        if step is None:
            self.anew += 1
            self._begun.clear()
            self._finished.clear()
            return
        self.taken_back += step in self._begun | self._finished
        self._begun.discard(step)
        self._finished.discard(step)
