"""What a chunk of a stream costs, in bytecode instructions of this project: the same on every machine.

`python -m tests.benchmarks.counting` counts and writes instructions.json; tests/test_instructions.py compares. Counted are
the instructions executed in our packages, for a stream of 300 chunks less one of 100, so that what a call costs is left out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
RECORD = Path(__file__).with_name("instructions.json")
OURS = tuple(str(ROOT / name) for name in ("aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi"))
FEW, MANY = 100, 300


def version() -> str:
    """Instructions are those of a version of Python."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def counts() -> dict[str, float]:
    """Instructions a chunk, for each framework and kind of stream."""
    found = {}
    for framework, stream in (("langchain", _langchain), ("llama_index", _llama_index)):
        for kind in ("text", "reasoning", "arguments", "responses"):
            stream(kind, 5)  # what is done once
            found[f"{framework} {kind}"] = (counted(stream, kind, MANY) - counted(stream, kind, FEW)) / (MANY - FEW)
    return found


def counted(stream: Callable[[str, int], None], kind: str, count: int) -> int:
    """Instructions executed in our packages while a stream is read."""
    total = 0

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal total
        if event == "opcode":
            total += 1
        return local

    def entered(frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return local

    former = sys.gettrace()
    sys.settrace(entered)
    try:
        stream(kind, count)
    finally:
        sys.settrace(former)
    return total


def _client(kind: str, count: int) -> httpx.Client:
    events = list(_responses(count) if kind == "responses" else _chunks(kind, count))
    body = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    body += b"" if kind == "responses" else b"data: [DONE]\n\n"
    headers = {"content-type": "text/event-stream"}
    return httpx.Client(
        transport=httpx.MockTransport(lambda request: httpx.Response(200, content=body, headers=headers))
    )


def _chunks(kind: str, count: int) -> Iterator[dict[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    if kind == "arguments":
        function = {"name": "write", "arguments": '{"text": "'}
        yield chunk({"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]})
        piece: dict[str, Any] = {"tool_calls": [{"index": 0, "function": {"arguments": "word "}}]}
    else:
        piece = {"content": "word "} if kind == "text" else {"reasoning_content": "word "}
    for _ in range(count):
        yield chunk(piece)
    if kind == "arguments":
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": '"}'}}]})
    yield chunk({}, "tool_calls" if kind == "arguments" else "stop")


def _responses(count: int) -> Iterator[dict[str, Any]]:
    part = {"type": "output_text", "text": "word " * count, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "completed",
        "output": [item],
    }
    usage = {"input_tokens": 1, "output_tokens": count, "total_tokens": count + 1}
    place = {"item_id": "msg_1", "output_index": 0}
    yield {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}}
    yield {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {**item, "status": "in_progress", "content": []},
    }
    for _ in range(count):
        yield {"type": "response.output_text.delta", "content_index": 0, "delta": "word ", **place}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": {**whole, "usage": usage}}


def _settings(kind: str, count: int) -> dict[str, Any]:
    return {
        "model": "m",
        "base_url": "http://127.0.0.1/v1",
        "api_key": "k",
        "http_client": _client(kind, count),
        "use_responses_api": kind == "responses",
    }


def _langchain(kind: str, count: int) -> None:
    from langchain_aimlapi import ChatAIMLAPI

    assert sum(1 for _ in ChatAIMLAPI(**_settings(kind, count)).stream("x")) >= count


def _llama_index(kind: str, count: int) -> None:
    from llama_index.core.llms import ChatMessage

    from llama_index_aimlapi import AIMLAPI

    assert sum(1 for _ in AIMLAPI(**_settings(kind, count)).stream_chat([ChatMessage("x")])) >= count


def main() -> None:
    held = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    held[version()] = {name: round(count, 1) for name, count in counts().items()}
    RECORD.write_text(json.dumps(held, indent=2, sort_keys=True) + "\n")
    print(json.dumps(held[version()], indent=2))


if __name__ == "__main__":
    main()
