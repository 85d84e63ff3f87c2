"""Two small tools for the demo's agent: a ship's library of six pages. They ask nobody and change nothing."""

import asyncio
import re
from typing import Final, Literal

from watchkeeper.tools import tool

_SECONDS: Final = 0.8  # about what a search over a network takes, so that a person sees it run

_PAGES: Final[dict[str, str]] = {
    "Night watch": "Who stands the night watch keeps a lookout, holds the course, writes the log and calls the "
    "master when in doubt. Nobody thanks you for a call you did not make.",
    "Dog watches": "From 16 to 20 hours the watch is cut into two of two hours, so that the crew does not stand "
    "the same watch every night.",
    "Eight bells": "A bell is struck every half hour, one stroke more each time; eight bells end a watch of four "
    "hours.",
    "Standing orders": "The master's standing orders say when to be called: bad visibility, a ship too close, a "
    "light not sighted when expected, anything that fails.",
    "Handing over": "The watch is not handed over in the middle of a manoeuvre. The relief first reads the log and "
    "lets the eyes get used to the dark.",
    "Dead reckoning": "Without a fix the position is reckoned from the last known one, course, speed and time; with "
    "the next fix the reckoning begins anew.",
}

Page = Literal["Night watch", "Dog watches", "Eight bells", "Standing orders", "Handing over", "Dead reckoning"]


@tool(timeout_seconds=10)
async def find_pages(query: str) -> str:
    """Find pages of the ship's library.

    Args:
        query: What to look for, in a few words.
    """
    await asyncio.sleep(_SECONDS)
    words = _words(query)
    ranked = sorted(_PAGES, key=lambda title: len(words & _words(title)) * 3 + len(words & _words(_PAGES[title])))
    return "; ".join(ranked[:-4:-1])


@tool(timeout_seconds=10)
async def read_page(title: Page) -> str:
    """Read a page of the ship's library.

    Args:
        title: The page's title.
    """
    await asyncio.sleep(_SECONDS)
    return _PAGES[title]


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower()))
