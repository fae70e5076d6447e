"""What cannot be sent is named by its place, and nothing is sent."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    CacheControl,
    CachePoint,
    ChatMessage,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from aimlapi_transport.errors import InvalidRequestError
from llama_index_aimlapi._messages import to_wire
from tests.llama_index.host import Host, whole

EPHEMERAL = CachePoint(cache_control=CacheControl(type="ephemeral"))


class StrangeBlock(ThinkingBlock):
    """A kind of block of tomorrow."""


def _odd(**fields: Any) -> ChatMessage:
    return ChatMessage.model_construct(**{"role": MessageRole.USER, "additional_kwargs": {}, "blocks": [], **fields})


BAD: list[tuple[list[Any], str]] = [
    ([], "No messages"),
    ([ChatMessage("3", role="tool")], r"messages\[0\] is a tool result without an id"),
    (
        [ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": "c9"})],
        r"messages\[0\] is the result of a call 'c9' that no message before it made",
    ),
    (
        [
            ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id="c1", tool_name="f")]),
            ChatMessage("3", role="tool", additional_kwargs={"tool_call_id": "c9"}),
        ],
        r"the result of a call 'c9' that no message before it made: name one of the calls made \(c1\)",
    ),
    ([_odd(blocks=[object()])], r"messages\[0\] has a block of type object"),
    ([_odd(blocks=[StrangeBlock(content="x")])], "StrangeBlock"),
    ([_odd(role="robot", blocks=[TextBlock(text="x")])], "unknown role 'robot'"),
    ([ChatMessage(role="user", blocks=[])], "no content"),
    ([ChatMessage(role="user", blocks=[EPHEMERAL])], "CachePoint with nothing before it"),
    ([ChatMessage(role="user", blocks=[ImageBlock()])], "ImageBlock cannot be read"),
    ([ChatMessage(role="user", blocks=[ToolCallBlock(tool_name="f")])], "ToolCallBlock"),
    (
        [ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_name="f", tool_kwargs={"x": object()})])],
        "arguments of the call of `f`",
    ),
]


@pytest.mark.parametrize(("messages", "problem"), BAD)
async def test_what_cannot_be_carried_is_named_and_nothing_is_sent(messages: list[Any], problem: str) -> None:
    host = Host([whole()])
    llm = host.llm()
    with pytest.raises(InvalidRequestError, match=problem):
        llm.chat(messages)
    with pytest.raises(InvalidRequestError, match=problem):
        await llm.astream_chat(messages)
    assert host.requests == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"max_tokens": -1}, "`max_tokens` is -1"),
        ({"temperature": 3}, "`temperature` is 3"),
        ({"stop": [""]}, "`stop`"),
    ],
)
def test_a_value_out_of_range_is_named_and_nothing_is_sent(settings: dict[str, Any], problem: str) -> None:
    host = Host([whole()])
    with pytest.raises(InvalidRequestError, match=problem):
        host.llm().chat([ChatMessage("Hi")], **settings)
    assert host.requests == []


def test_only_chat_messages_are_messages() -> None:
    with pytest.raises(InvalidRequestError, match=r"messages\[0\] is of type str: pass ChatMessage objects"):
        to_wire(["Hello"])  # type: ignore[list-item]  # the mistake to be told of
