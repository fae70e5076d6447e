"""A recorded request as LlamaIndex's AIMLAPI is asked it, and what a stream ends in."""

from __future__ import annotations

from typing import Any

from cassette_files import Cassette
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    VideoBlock,
)
from replayed import parameters_of

from llama_index_aimlapi import AIMLAPI

_BLOCKS = {
    "text": lambda part: TextBlock(text=part["text"]),
    "image_url": lambda part: ImageBlock(url=part["image_url"]["url"]),
    "video_url": lambda part: VideoBlock(url=part["video_url"]["url"]),
}


def model_for(cassette: Cassette, **settings: Any) -> AIMLAPI:
    """The model set up as the published request is: its further parameters, and no counts asked of a stream."""
    parameters = parameters_of(cassette)
    return AIMLAPI(model=cassette.request["model"], stream_usage=False, additional_kwargs=parameters, **settings)


def messages_of(cassette: Cassette) -> list[ChatMessage]:
    """The published messages: text, or blocks."""
    sent = []
    for message in cassette.request["messages"]:
        content = message["content"]
        if isinstance(content, str):
            sent.append(ChatMessage(role=message["role"], content=content))
        else:
            sent.append(ChatMessage(role=message["role"], blocks=[_BLOCKS[part["type"]](part) for part in content]))
    return sent


def last_of(chunks: list[ChatResponse]) -> ChatResponse:
    """The last snapshot, and that each one repeats all before it and says what it adds."""
    text, thought = "", ""
    for chunk in chunks:
        text += chunk.delta or ""
        thought += chunk.additional_kwargs.get("thinking_delta", "")
        assert text == (chunk.message.content or "")
        assert thought == "".join(b.content or "" for b in chunk.message.blocks if isinstance(b, ThinkingBlock))
    return chunks[-1]
