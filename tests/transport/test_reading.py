"""Every published chat reply is read the same however its bytes are cut, and silence and size have bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from aimlapi_transport.chat.reader import ReplyReader
from aimlapi_transport.chat.response import Completion
from aimlapi_transport.config.limits import Limits
from aimlapi_transport.config.model_families import profile_for
from aimlapi_transport.errors import APITimeoutError, BadResponseError, StreamError
from tests.scripted import DONE, chunk

PUBLISHED = Path(__file__).parents[2] / "aimlapi_emulator" / "published.json"
ROWS = [row for row in json.loads(PUBLISHED.read_text())["recordings"] if row["endpoint"].endswith("/chat/completions")]


def read(model: str, data: bytes, size: int) -> Completion:
    reader = ReplyReader(profile_for(model))
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    deltas = [delta for piece in pieces for delta in reader.feed(piece)] + reader.close()
    completion = deltas[-1].completion
    assert completion is not None
    assert "".join(delta.text for delta in deltas) == completion.text
    assert "".join(delta.reasoning for delta in deltas) == completion.reasoning
    return completion


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["request"]["model"])
def test_any_cut_of_a_published_reply_reads_the_same(row: dict[str, Any]) -> None:
    data = "".join(f"{line}\n\n" for line in row["sse"]).encode() if "sse" in row else orjson.dumps(row["body"])
    model = row["request"]["model"]
    whole = read(model, data, len(data))
    assert whole.finish_reason == "stop"
    assert whole.usage is not None
    assert whole.text or whole.choices[0].extra
    assert [read(model, data, size) for size in (1, 7, 1000)] == [whole] * 3


def test_only_events_break_a_silence() -> None:
    now = 0.0
    reader = ReplyReader(profile_for("m"), silence=10, clock=lambda: now)
    list(reader.feed(b": hello\n\n"))
    now = 9.0
    list(reader.feed(chunk("a")))
    now = 18.0
    assert list(reader.feed(b": still there\n\n")) == []
    now = 19.5
    with pytest.raises(APITimeoutError, match="10 s"):
        list(reader.feed(b": still there\n\n"))


@pytest.mark.parametrize(
    ("piece", "limits", "says"),
    [
        (b"data: " + b"x" * 94, Limits(reply=1000), "reply is longer than the limit of 1,000 bytes"),
        (b"data: " + b"x" * 94, Limits(event=1000), "event of the stream is longer than the limit of 1,000 bytes"),
        (b"{" + b" " * 99, Limits(reply=1000), "reply is longer than the limit of 1,000 bytes"),
        (b" " * 100, Limits(reply=1000), "reply is longer than the limit of 1,000 bytes"),
    ],
)
def test_a_reply_without_end_is_refused(piece: bytes, limits: Limits, says: str) -> None:
    """At the limit, not long after it."""
    reader = ReplyReader(profile_for("m"), limits=limits)
    for _ in range(10):
        assert list(reader.feed(piece)) == []
    with pytest.raises(BadResponseError, match=says):
        list(reader.feed(piece))


FAILURES = (
    (b'data: {"error": {"message": "overloaded", "code": 503}}\n\n', "overloaded"),
    (b"event: error\ndata: out of memory\n\n", "not JSON"),
    (b'event: error\ndata: {"message": "out of memory"}\n\n', "out of memory"),
    (b"data: {\n\n", "not JSON"),
)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(("failure", "says"), FAILURES)
def test_what_came_before_a_failure_counts_and_what_follows_does_not(failure: bytes, says: str, together: bool) -> None:
    """However the bytes are cut."""
    events = [chunk("He"), chunk("llo"), failure, chunk("!"), chunk(finish="stop"), DONE]
    reader, deltas = ReplyReader(profile_for("m")), []
    with pytest.raises(StreamError, match=says) as caught:
        for piece in [b"".join(events)] if together else events:
            deltas += reader.feed(piece)
            if reader.is_done:
                break
        reader.close()
    assert "".join(delta.text for delta in deltas) == "Hello"
    assert caught.value.partial is not None and caught.value.partial.text == "Hello"


def test_half_a_character_stays_in_its_place_though_events_are_alike() -> None:
    """What holds it back holds back what follows, too, which would else be read by its bytes alone."""
    reader = ReplyReader(profile_for("m"))
    pieces = ["a", "b", "c\ud83d", "d", "e\ud83d", "\ude00", "f"]
    event = 'data: {"id":"1","choices":[{"index":0,"delta":{"content":%s},"finish_reason":null}]}\n\n'
    deltas = [delta for piece in pieces for delta in reader.feed((event % json.dumps(piece)).encode())]
    assert "".join(delta.text for delta in deltas) == "abc\ufffdde\U0001f600f"
