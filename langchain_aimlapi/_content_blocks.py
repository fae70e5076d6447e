"""LangChain's standard content blocks out of our messages: `message.content_blocks`, also under output v1.

Every block of a stream has a text index of its own kind (`lc_rs_0`, `lc_txt_0`, `lc_tc_<n>`): with LangChain's
numbering a tool call that follows text has the text's number and is merged into it.
"""

from __future__ import annotations

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages import content as types

PROVIDER = "aimlapi"
"""`response_metadata["model_provider"]` of our messages, and the name this translator is known by."""


def register() -> None:
    """Makes LangChain ask this module for the blocks of our messages. Cheap to repeat."""
    from langchain_core.messages.block_translators import register_translator

    register_translator(PROVIDER, _of_message, _of_chunk)


def _of_message(message: AIMessage) -> list[types.ContentBlock]:
    blocks = _of_content(message)
    blocks.extend({"type": "tool_call", **_call(call, "name", "args", "id")} for call in message.tool_calls)
    return cast(list[types.ContentBlock], blocks)


def _of_chunk(message: AIMessageChunk) -> list[types.ContentBlock]:
    if message.chunk_position == "last" and all(call["id"] for call in message.tool_calls):
        return _of_message(message)  # the sum of a stream, or its end
    blocks = _of_content(message)
    for block in blocks:
        block["index"] = "lc_rs_0" if block["type"] == "reasoning" else "lc_txt_0"
    for call in message.tool_call_chunks:
        block = {"type": "tool_call_chunk", **_call(call, "name", "args", "id")}
        if call.get("index") is not None:
            block["index"] = f"lc_tc_{call['index']}"
        blocks.append(block)
    return cast(list[types.ContentBlock], blocks)


def _of_content(message: AIMessage) -> list[dict[str, Any]]:
    if not isinstance(message.content, str):
        raise NotImplementedError  # already blocks: LangChain reads those itself
    blocks: list[dict[str, Any]] = []
    reasoning = message.additional_kwargs.get("reasoning_content")
    if reasoning:
        blocks.append({"type": "reasoning", "reasoning": reasoning})
    if message.content:
        blocks.append({"type": "text", "text": message.content})
    return blocks


def _call(call: Any, *names: str) -> dict[str, Any]:
    return {name: call.get(name) for name in names}
