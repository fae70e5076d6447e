"""What the benchmark's server answers: bytes, made before anything is measured.

A scene is named by the first part of the path, `<kind>-<size>[-<pace>]`: `text-1000` is a stream of 1,000
pieces of text, each an HTTP chunk of its own; `text-1000-burst` the same in HTTP chunks of 64 kB, `text-1000-30ms` with
a pause between them; `reply-1000000` is a whole reply of so many characters, `calls-4` one of so many tool calls;
`responses_reasoning-1000` is a stream of /v1/responses.
"""

from __future__ import annotations

import json
from array import array
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PIECE = "word and "
"""What every piece of a stream adds."""
TOGETHER = 64 * 1024  # bytes written at a time where no pause is asked for
DIMENSIONS = 1536
BATCH = 512


@dataclass(frozen=True)
class Scene:
    """An answer: its head, and its body in as many pieces as it is written in.

    Attributes:
        pause: seconds before the answer (of a whole reply), or between two pieces (of a stream).
    """

    head: bytes
    pieces: list[bytes]
    is_stream: bool
    pause: float


def scene(name: str) -> Scene:
    """The answer of this name; see the module."""
    kind, size, *paces = name.split("-")
    pause = next((int(pace[:-2]) / 1000 for pace in paces if pace.endswith("ms")), 0.0)
    if kind in _WHOLE:
        body = _WHOLE[kind](int(size))
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        return Scene(head.encode(), [body], False, pause)
    endpoint, _, item = kind.partition("_")
    said = _responses(item or "text", int(size)) if endpoint == "responses" else _events(kind, int(size))
    events = [f"data: {json.dumps(event)}\n\n".encode() for event in said]
    if endpoint != "responses":
        events.append(b"data: [DONE]\n\n")
    if "burst" in paces:
        events = _cut(b"".join(events))
    pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]  # an HTTP chunk each
    pieces[-1] += b"0\r\n\r\n"
    if pause:
        pieces[:2] = [b"".join(pieces[:2])]  # the first that says anything comes at once
    else:
        pieces = _cut(b"".join(pieces))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return Scene(head, pieces, True, pause)


def _cut(data: bytes) -> list[bytes]:
    return [data[start : start + TOGETHER] for start in range(0, len(data), TOGETHER)]


def _events(kind: str, size: int) -> Iterator[Any]:
    """The chunks of a stream of `size` pieces; of `spelled`, arguments of so many bytes in pieces of 50."""
    yield _chunk({"role": "assistant", "content": ""})
    if kind == "text":
        pieces: Iterator[Any] = ({"content": PIECE} for _ in range(size))
    elif kind == "reasoning":
        pieces = ({"reasoning_content": PIECE} for _ in range(size))
    elif kind == "arguments":
        yield _chunk(_call({"name": "write", "arguments": '{"text": "'}, id="call_1", type="function"))
        pieces = (_call({"arguments": PIECE}) for _ in range(size - 2))
    else:
        yield _chunk(_call({"name": "write", "arguments": '{"text": "'}, id="call_1", type="function"))
        pieces = (_call({"arguments": "x" * 50}) for _ in range(size // 50))
    for piece in pieces:
        yield _chunk(piece)
    if kind in ("arguments", "spelled"):
        yield _chunk(_call({"arguments": '"}'}))
    yield _chunk({}, finish="stop" if kind in ("text", "reasoning") else "tool_calls")
    counts = {"prompt_tokens": 10, "completion_tokens": size, "total_tokens": size + 10}
    yield {**_chunk({}), "choices": [], "usage": counts}


def _responses(kind: str, size: int) -> Iterator[Any]:
    """The events of /v1/responses for an item of `size` pieces: text, reasoning or arguments."""
    response = {"id": "resp_1", "object": "response", "created_at": 1700000000, "model": "gpt-4o-2024-08-06"}
    counts = {"input_tokens": 10, "output_tokens": size, "total_tokens": size + 10}
    item, events = _ITEMS[kind](size)
    begun = {**response, "status": "in_progress", "output": []}
    events = [
        {"type": "response.created", "response": begun},
        *({**event, "output_index": 0} for event in events),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {
            "type": "response.completed",
            "response": {**response, "status": "completed", "output": [item], "usage": counts},
        },
    ]
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def _text_item(size: int) -> tuple[Any, list[Any]]:
    part = {"type": "output_text", "text": PIECE * size, "annotations": [], "logprobs": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    at = {"item_id": "msg_1", "content_index": 0}
    return {**item, "status": "completed", "content": [part]}, [
        {"type": "response.output_item.added", "item": item},
        {"type": "response.content_part.added", **at, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **at, "delta": PIECE, "logprobs": []} for _ in range(size)),
        {"type": "response.output_text.done", **at, "text": PIECE * size},
        {"type": "response.content_part.done", **at, "part": part},
    ]


def _reasoning_item(size: int) -> tuple[Any, list[Any]]:
    part = {"type": "summary_text", "text": PIECE * size}
    item = {"id": "rs_1", "type": "reasoning", "summary": []}
    at = {"item_id": "rs_1", "summary_index": 0}
    return {**item, "summary": [part]}, [
        {"type": "response.output_item.added", "item": item},
        {"type": "response.reasoning_summary_part.added", **at, "part": {**part, "text": ""}},
        *({"type": "response.reasoning_summary_text.delta", **at, "delta": PIECE} for _ in range(size)),
        {"type": "response.reasoning_summary_text.done", **at, "text": PIECE * size},
        {"type": "response.reasoning_summary_part.done", **at, "part": part},
    ]


def _arguments_item(size: int) -> tuple[Any, list[Any]]:
    pieces = ['{"text": "', *(PIECE for _ in range(size - 2)), '"}']
    item = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "write", "status": "in_progress"}
    return {**item, "status": "completed", "arguments": "".join(pieces)}, [
        {"type": "response.output_item.added", "item": {**item, "arguments": ""}},
        *({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": piece} for piece in pieces),
        {"type": "response.function_call_arguments.done", "item_id": "fc_1", "arguments": "".join(pieces)},
    ]


_ITEMS = {"text": _text_item, "reasoning": _reasoning_item, "arguments": _arguments_item}


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    about = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "gpt-4o-2024-08-06"}
    return {**about, "system_fingerprint": "fp_1", "choices": [choice]}


def _call(function: dict[str, Any], **first: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, **first, "function": function}]}


def _reply(length: int) -> bytes:
    content = ("A sentence of an answer. " * (length // 25 + 1))[:length]
    return _completion({"role": "assistant", "content": content}, "stop")


def _calls_reply(count: int) -> bytes:
    arguments = json.dumps({"city": "Paris", "days": 3, "units": "metric", "fields": ["temperature", "wind"]})
    calls = [
        {"id": f"call_{index}", "type": "function", "function": {"name": "weather", "arguments": arguments}}
        for index in range(count)
    ]
    return _completion({"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls")


def _completion(message: Any, finish: str) -> bytes:
    counts = {"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 19}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    about = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "gpt-4o-2024-08-06"}
    return json.dumps({**about, "system_fingerprint": "fp_1", "choices": [choice], "usage": counts}).encode()


def _vectors(count: int) -> bytes:
    numbers = array("f", [(place % 997) / 997 - 0.5 for place in range(DIMENSIONS)])
    value = b64encode(numbers.tobytes()).decode()
    rows = [{"object": "embedding", "index": index, "embedding": value} for index in range(count)]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return json.dumps({"object": "list", "data": rows, "model": "text-embedding-3-small", "usage": usage}).encode()


_WHOLE = {"reply": _reply, "calls": _calls_reply, "vectors": _vectors}
