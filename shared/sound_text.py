"""Text from outside made fit to be sent and stored: JSON may hold half a surrogate pair, which no encoding takes."""

from typing import Final

_NUL: Final = "\0"
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def sound(text: str) -> str:
    """`text` as UTF-8 can say it: two halves of a character side by side become it, a lone one U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def storable(text: str) -> str:
    """The same for a text column: PostgreSQL takes no NUL. JSON needs this not, it writes both as escapes."""
    return sound(text).replace(_NUL, _REPLACEMENT)


class Pieces:
    """A text that comes in pieces, which may be cut within a character: its first half waits for the second."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def take(self, piece: str) -> str:
        """What can be said now; perhaps nothing."""
        if self._half:
            piece, self._half = self._half + piece, ""
        if "\ud800" <= piece[-1:] <= "\udbff":
            piece, self._half = piece[:-1], piece[-1]
        return sound(piece)

    def rest(self) -> str:
        """What is left at the end."""
        half, self._half = self._half, ""
        return sound(half)
