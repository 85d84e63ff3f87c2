"""One reply while it is made, told to the job's readers (`workers.router.calls.Listener`)."""

from workers.telling.teller import Teller


class StepListener:
    """Tells step `number` through `teller`."""

    __slots__ = ("_number", "_teller")

    def __init__(self, teller: Teller, number: int) -> None:
        self._teller = teller
        self._number = number

    def text(self, piece: str) -> None:
        """A piece of the reply."""
        self._teller.token(self._number, piece)

    def void(self, why: str) -> None:
        """The reply broke off and is made again."""
        self._teller.step_reset(self._number, why)
