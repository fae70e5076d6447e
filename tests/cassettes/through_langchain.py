"""A recorded request as ChatAIMLAPI is asked it, and what a stream adds up to."""

from __future__ import annotations

from typing import Any

from cassette_files import Cassette
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from replayed import parameters_of

from langchain_aimlapi import ChatAIMLAPI

_MESSAGES = {"user": HumanMessage, "system": SystemMessage}


def model_for(cassette: Cassette, **settings: Any) -> ChatAIMLAPI:
    """The model set up as the published request is: its further parameters, and no counts asked of a stream."""
    parameters = parameters_of(cassette)
    fields = {name: parameters.pop(name) for name in list(parameters) if name in ChatAIMLAPI.model_fields}
    return ChatAIMLAPI(
        model=cassette.request["model"], stream_usage=False, model_kwargs=parameters, **fields, **settings
    )


def messages_of(cassette: Cassette) -> list[BaseMessage]:
    """The published messages."""
    return [_MESSAGES[message["role"]](content=message["content"]) for message in cassette.request["messages"]]


def joined(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    """The chunks added up."""
    whole: Any = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert isinstance(whole, AIMessageChunk)
    return whole
