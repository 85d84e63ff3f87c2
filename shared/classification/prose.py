"""A provider's own words: lower-case, without what it quotes, links to, or repeats from the request.

A provider may repeat the user's prompt. Rules that set a key aside must never see it, so quoted text goes
before any rule reads. What is lost that way falls to the status alone, which is the safe side.
"""

import re

_MOST = 2_000  # characters of a message that are read; providers say the cause first
_MARK = " ~ "  # stands for what was removed, so that the words around it do not join into a phrase

_TYPOGRAPHIC = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})
_LINK = re.compile(r"https?://[^\s)\]>'\"`]*")
# From the first to the last double quote: a quoted prompt may hold quotes itself. An unclosed one runs to the end.
_DOUBLE = re.compile(r'"(?:.*"|.*)', re.DOTALL)
_FENCE = re.compile(r"```.*?(?:```|\Z)|`[^`]*(?:`|\Z)", re.DOTALL)
# A single quote opens only where no word is in progress (model's, isn't) and closes only where a word ends.
_SINGLE = re.compile(r"(?<!\w)'(?!\s).{0,2000}?(?:(?<!\s)'(?!\w)|\Z)", re.DOTALL)
# The request repeated without quotes: everything after such a label is somebody else's text.
_ECHO = re.compile(
    r"\b(?:input|prompt|content|query|message|received|got|given|text|failed_generation)\s?[:=]\s.*", re.DOTALL
)
_SPACE = re.compile(r"\s+")
# What gateways and SDKs put before the provider's sentence: "[1113][", "Error code: 401 - ", "APIError: ".
_PREFIX = re.compile(
    r"(?:\[\d{3,5}\]\s?\[?|(?:api )?error(?: code: \d{3})? ?[-:] |\d{3} ?[-:] "
    r"|(?:authentication|permission) error,?\s?(?:-\s)?|permission denied:\s|[a-z_]{2,30}(?:error|exception):\s)+"
)


def own_words(text: str) -> str:
    """`text` in lower case, without quotations and links, and without a gateway's prefix."""
    text = text[:_MOST].translate(_TYPOGRAPHIC).lower()
    if "://" in text:
        text = _LINK.sub(_MARK, text)
    if "`" in text:
        text = _FENCE.sub(_MARK, text)
    if '"' in text:
        text = _DOUBLE.sub(_MARK, text)
    if "'" in text:
        text = _SINGLE.sub(_MARK, text)
    text = _SPACE.sub(" ", _ECHO.sub(_MARK, text)).strip()
    return text[match.end() :] if (match := _PREFIX.match(text)) else text
