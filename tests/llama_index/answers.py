"""The ways to ask an LLM, and an answer that has everything."""

from __future__ import annotations

from llama_index.core.base.llms.types import (
    ChatMessage,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from tests.llama_index.host import DONE, call, chunk, last, piece, whole

CHATS = ("chat", "achat", "stream_chat", "astream_chat")
COMPLETES = ("complete", "acomplete", "stream_complete", "astream_complete")
HELLO = [ChatMessage("Hello")]

EXTRA = {"google": {"thought_signature": "sig"}}
WHOLE = whole(
    "It is 3.",
    "tool_calls",
    reasoning="Let me add",
    reasoning_details=[{"type": "reasoning.encrypted", "data": "abc", "index": 0}],
    tool_calls=[call("add", '{"a": 1, "b": 2}', extra_content=EXTRA), call("stop", "", "call_2")],
)
STREAM = [
    chunk(role="assistant", content=None, reasoning="Let me "),
    chunk(reasoning="add", reasoning_details=[{"type": "reasoning.encrypted", "data": "abc", "index": 0}]),
    chunk(content="It is"),
    chunk(content=" 3."),
    chunk(tool_calls=[piece("", "add", id="call_1", extra_content=EXTRA)]),
    chunk(tool_calls=[piece('{"a": 1')]),
    chunk(tool_calls=[piece(', "b": 2}'), piece("", "stop", 1, id="call_2")]),
    chunk("tool_calls"),
    last(),
    DONE,
]
HEADERS = {"x-inference-id": "inf-1", "x-aimlapi-usd-spent": "0.25", "x-aimlapi-credits-used": "500000"}
FACTS = {
    "finish_reason": "tool_calls",
    "native_finish_reason": "tool_calls",
    "prompt_tokens": 9,
    "completion_tokens": 7,
    "total_tokens": 16,
    "cached_tokens": 4,
    "reasoning_tokens": 3,
    "cost_usd": 0.25,
    "credits_used": 500000,
    "id": "c1",
    "model": "served",
    "inference_id": "inf-1",
}
MESSAGE = ChatMessage(
    role=MessageRole.ASSISTANT,
    blocks=[
        ThinkingBlock(
            content="Let me add",
            num_tokens=3,
            additional_information={"reasoning_details": [{"type": "reasoning.encrypted", "data": "abc", "index": 0}]},
        ),
        TextBlock(text="It is 3."),
        ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs={"a": 1, "b": 2}),
        ToolCallBlock(tool_call_id="call_2", tool_name="stop", tool_kwargs={}),
    ],
    additional_kwargs={
        "tool_calls": [call("add", '{"a": 1, "b": 2}', extra_content=EXTRA), call("stop", "", "call_2")]
    },
)
