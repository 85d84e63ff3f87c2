"""Putting the pieces of a story together."""

from watchkeeper.events import Event, EventKind


class StoryText:
    """The answer as far as it was told: feed it every event, show `text`.

    The answer is the text of the last reply: earlier ones asked for tools. After `ended` it is the job's own text.
    """

    def __init__(self) -> None:
        self._replies: dict[int, str] = {}
        self._final: str | None = None

    def feed(self, event: Event) -> None:
        """Take an event, in the order `stream` gave them."""
        step = event.step
        if event.kind is EventKind.STEP_RESET:
            if step is None:  # everything told so far is void
                self._replies.clear()
            else:
                self._replies.pop(step, None)
        elif event.kind is EventKind.TOKEN and step is not None:
            self._replies[step] = self._replies.get(step, "") + event.data["text"]
        elif event.kind is EventKind.ENDED:
            self._final = event.data["text"] or None

    @property
    def text(self) -> str:
        """What there is to show now."""
        if self._final is not None:
            return self._final
        return self._replies[max(self._replies)] if self._replies else ""

    @property
    def replies(self) -> dict[int, str]:
        """The replies as their tokens make them, by step number."""
        return dict(self._replies)
