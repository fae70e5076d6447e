"""Any cut of the bytes gives the same events."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimlapi_transport.sse import Event, EventDecoder


def decoded(pieces: list[bytes]) -> list[Event]:
    decoder = EventDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
FIELD = st.sampled_from(
    [b"data: a", b"data:b", b'data: {"x": "\xe2\x80\xa8"}', b": comment", b"event: error", b"id: 7", b"junk", b"data"]
)


@given(
    lines=st.lists(st.one_of(FIELD, st.just(b"")), max_size=12),
    end=LINE_ENDS,
    cuts=st.lists(st.integers(0, 200), max_size=8),
    bom=st.booleans(),
)
def test_any_cut_gives_the_same_events(lines: list[bytes], end: bytes, cuts: list[int], bom: bool) -> None:
    data = (b"\xef\xbb\xbf" if bom else b"") + b"".join(line + end for line in lines)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[a:b] for a, b in itertools.pairwise(places)]
    assert decoded(pieces) == decoded([data]) == decoded([bytes([byte]) for byte in data])


@given(lines=st.lists(st.one_of(FIELD, st.just(b"")), max_size=12), end=LINE_ENDS)
def test_a_cut_after_every_event_gives_the_same_events(lines: list[bytes], end: bytes) -> None:
    """So come most streams, and so there is a shorter way to read them."""
    data = b"data: first" + end + end + b"".join(line + end for line in lines)
    pieces = [piece + end + end for piece in data.split(end + end)]
    assert decoded(pieces) == decoded([b"".join(pieces)])


@given(lines=st.lists(st.one_of(FIELD, st.just(b"")), max_size=12))
def test_every_line_end_gives_the_same_events(lines: list[bytes]) -> None:
    forms = [decoded([b"".join(line + end for line in lines)]) for end in (b"\n", b"\r\n", b"\r")]
    assert forms[0] == forms[1] == forms[2]


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
        (b"data: a\ndata: b\n\n", [(b"", b"a\nb")]),
        (b"event: error\ndata: x\n\n", [(b"error", b"x")]),
        (b": PROCESSING\n\n:\n\ndata: a\n\n", [(b"", b"a")]),
        (b"\n\n\ndata: a\n\n", [(b"", b"a")]),
        (b"data:  two spaces\n\n", [(b"", b" two spaces")]),
        (b"id: 1\nretry: 5\nfoo: bar\nnonsense\ndata: a\n\n", [(b"", b"a")]),
        (b"data: last without a blank line", [(b"", b"last without a blank line")]),
        (b"event: ping\n\n", []),
        (b"data\n\n", [(b"", b"")]),
        (b"data: \xe2\x80\xa8\xc2\x85\x0c\n\n", [(b"", b"\xe2\x80\xa8\xc2\x85\x0c")]),
        (b"", []),
    ],
)
def test_events_of_a_stream(data: bytes, events: list[Event]) -> None:
    assert decoded([data]) == events


@given(
    pieces=st.lists(st.sampled_from([b"data: a", b"\n", b"\r", b"\r\n", b"\n\n", b"\n\r", b"event: b\n"]), max_size=12)
)
def test_line_ends_may_be_mixed(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert decoded(pieces) == decoded([data]) == decoded([lines])


def test_a_bare_cr_ends_a_line_at_once() -> None:
    """A stream of CR line ends gives each event when it is complete, not when the next one comes."""
    assert EventDecoder().feed(b"data: a\r\r") == [(b"", b"a")]


def test_a_long_event_in_small_pieces_costs_linear_time() -> None:
    """The decoder never searches or copies what it holds again for each piece: it only grows one array."""
    decoder = EventDecoder()
    held = decoder._pending
    for _ in range(2000):
        assert decoder.feed(b"x" * 100) == []
    assert decoder._pending is held
    assert decoder.feed(b"\n\ndata: y\n\n") == [(b"", b"y")]
