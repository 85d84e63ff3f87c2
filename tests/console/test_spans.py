"""Spans of time: written by people, told to people."""

import pytest

from console.spans import in_words, parse_span


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("90s", 90_000), ("10m", 600_000), ("1h30m", 5_400_000), (" 2D ", 172_800_000), ("250ms", 250), ("0.5s", 500)],
)
def test_spans_are_read(text: str, milliseconds: int) -> None:
    assert parse_span(text) == milliseconds


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "10 minutes", "5m later", "1e9d", "99999999d", "٣m x"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no span|longer than"):
        parse_span(text)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (-5, "0 ms"),
        (999, "999 ms"),
        (12_400, "12 s"),
        (240_000, "4 min"),
        (7_200_000, "2 h"),
        (180_000_000, "2 days"),
    ],
)
def test_spans_are_told(milliseconds: int, words: str) -> None:
    assert in_words(milliseconds) == words
