"""Replies of chat completions, whole and streamed, and what a reader makes of them."""

from __future__ import annotations

import itertools
from typing import Any

from aimlapi_transport.chat.parser import CompletionReader
from aimlapi_transport.chat.response import Completion

Event = dict[str, Any]


def whole(body: Event, **options: Any) -> Completion:
    reader = CompletionReader(**options)
    deltas = reader.read(body, whole=True) + reader.close()
    assert deltas[-1].completion is not None
    return deltas[-1].completion


def folded(events: list[Event], **options: Any) -> Completion:
    reader = CompletionReader(**options)
    deltas = [delta for event in events for delta in reader.read(event)] + reader.close()
    completion = deltas[-1].completion
    assert completion is not None
    for choice in completion.choices:
        mine = [delta for delta in deltas if delta.choice == choice.index]
        assert "".join(delta.text for delta in mine) == choice.text
        assert "".join(delta.reasoning for delta in mine) == choice.reasoning
        assert "".join(delta.refusal for delta in mine) == choice.refusal
    return completion


def delta(finish: str | None = None, index: int = 0, **message: Any) -> Event:
    return {"id": "c", "choices": [{"index": index, "delta": message, "finish_reason": finish}]}


def message(finish: str = "stop", **fields: Any) -> Event:
    return {"id": "c", "choices": [{"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": finish}]}


def cut(text: str, places: list[int]) -> list[str]:
    at = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in itertools.pairwise(at)]
