"""Text from outside, made fit to be sent and stored."""

from hypothesis import given
from hypothesis import strategies as st

from shared.sound_text import Pieces, sound, storable

_ANY = st.text(st.characters() | st.sampled_from("\ud83d\ude00\ud800\udfff\0"))


def test_what_is_sound_stays_as_it_is() -> None:
    for text in ("", "plain", "grün \N{GRINNING FACE}", "a\0b"):
        assert sound(text) == text


def test_halves_side_by_side_become_their_character_and_lone_ones_a_replacement() -> None:
    assert sound("a\ud83d\ude00b") == "a\N{GRINNING FACE}b"
    assert sound("a\ud83db\ude00") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"


def test_a_column_gets_no_nul() -> None:
    assert storable("a\0b") == "a\N{REPLACEMENT CHARACTER}b"


@given(st.lists(_ANY))
def test_pieces_make_the_whole_however_they_are_cut(pieces: list[str]) -> None:
    taking = Pieces()
    said = [taking.take(piece) for piece in pieces] + [taking.rest()]
    for piece in said:
        piece.encode()
    assert "".join(said) == sound("".join(pieces))
