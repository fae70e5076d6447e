"""A text that comes in pieces is what the pieces say, however many they are, and little more than its characters."""

from __future__ import annotations

import sys
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport.chat.text_buffer import TextBuffer


@given(st.lists(st.text(max_size=3), max_size=100))
def test_it_is_known_as_it_was_after_each_piece(pieces: list[str]) -> None:
    growing, lengths = TextBuffer(), []
    for place, piece in enumerate(pieces):
        growing.add(piece)
        lengths.append(growing.length)
        if place % 7 == 0:  # to look at it meanwhile changes nothing
            assert growing.up_to(growing.length) == growing.text() == "".join(pieces[: place + 1])
    assert growing.text() == "".join(pieces)
    assert [growing.up_to(length) for length in lengths] == list(accumulate(pieces))


def test_many_small_pieces_take_hardly_more_than_their_characters() -> None:
    growing = TextBuffer()
    for place in range(10_000):
        growing.add(f"{place:06}")
    held = sys.getsizeof(growing._pieces) + sum(map(sys.getsizeof, growing._pieces))
    assert len(growing.text()) == 60_000 and held < 90_000
