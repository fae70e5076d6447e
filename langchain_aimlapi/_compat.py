"""LangChain's chunks without validation, for what is made with every piece of a stream. Pure.

Validating a chunk of text costs four times as much, one of tool arguments twenty times, since LangChain tries to read
every fragment as JSON. A test holds that a chunk so built equals the validated one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from operator import itemgetter
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from pydantic import BaseModel

from langchain_aimlapi._content_blocks import PROVIDER


class _AllGiven(set[str]):
    """Which fields were given: all of them, so nothing is added; one set for all chunks of a kind.

    LangChain keeps a stream's chunks to its end: sets of their own were a fifth of what it keeps, and up to a fifth of
    their time. A copy, or a pickle, is a plain set.
    """

    def add(self, name: str) -> None:
        """Nothing: for a name that is no field, Pydantic (since 2.13) would have it in every chunk."""

    def __reduce__(self) -> Any:
        return set, (list(self),)


# The fields of an empty message chunk and of an empty generation chunk, as this LangChain has them.
_MESSAGE = AIMessageChunk(content="", additional_kwargs={}, response_metadata={}).__dict__
_GENERATION = ChatGenerationChunk(message=AIMessageChunk(content="")).__dict__
_MESSAGE_SET, _GENERATION_SET = _AllGiven(_MESSAGE), _AllGiven(_GENERATION)
_assign = object.__setattr__  # past pydantic's own, which validates
# What pydantic keeps beside the fields, by its slots: 10 % of a chunk less than by name.
_assign_set: Any = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_assign_extra: Any = BaseModel.__dict__["__pydantic_extra__"].__set__
_assign_private: Any = BaseModel.__dict__["__pydantic_private__"].__set__


def message_chunk(text: str, kwargs: dict[str, Any]) -> AIMessageChunk:
    message = AIMessageChunk.__new__(AIMessageChunk)
    fields = _MESSAGE.copy()  # one by one: two thirds of what a display of them all costs
    fields["content"] = text
    fields["additional_kwargs"] = kwargs
    fields["response_metadata"] = {"model_provider": PROVIDER}
    fields["tool_calls"] = []
    fields["invalid_tool_calls"] = []
    fields["tool_call_chunks"] = []
    _assign(message, "__dict__", fields)
    _assign_set(message, _MESSAGE_SET)
    _assign_extra(message, {})
    _assign_private(message, None)
    return message


def add_pieces(message: AIMessageChunk, pieces: list[ToolCallChunk]) -> None:
    """Fragments of calls, none of which begins an object: what LangChain makes of them is known without reading them.

    Nothing is a call without arguments, and any other fragment an invalid call.
    """
    fields = message.__dict__
    fields["tool_call_chunks"] = pieces
    for piece in pieces:
        name, arguments, call_id = piece["name"], piece["args"], piece["id"]
        if arguments:
            fields["invalid_tool_calls"].append(
                {"name": name, "args": arguments, "id": call_id, "error": None, "type": "invalid_tool_call"}
            )
        else:
            fields["tool_calls"].append({"name": name or "", "args": {}, "id": call_id, "type": "tool_call"})


def generation_chunk(
    message: AIMessageChunk, text: str, kind: type[ChatGenerationChunk] = ChatGenerationChunk
) -> ChatGenerationChunk:
    chunk = kind.__new__(kind)
    fields = _GENERATION.copy()
    fields["text"] = text
    fields["message"] = message
    _assign(chunk, "__dict__", fields)
    _assign_set(chunk, _GENERATION_SET)
    _assign_extra(chunk, None)
    _assign_private(chunk, None)
    return chunk


class FirstChunk(ChatGenerationChunk):
    """A stream's first chunk. LangChain adds up every stream that was read to its end, as `first + [all others]`.

    It adds them two at a time, which is a tenth of what a piece of text costs, a quarter of a piece of a call's
    arguments, and copies a long answer once for each of its pieces. Here runs of plain pieces are joined first.
    """

    @classmethod
    def lc_id(cls) -> list[str]:
        """LangChain's own chunk's: it is no other thing to whoever stores it."""
        return ChatGenerationChunk.lc_id()

    def __add__(self, other: ChatGenerationChunk | list[ChatGenerationChunk]) -> ChatGenerationChunk:
        return super().__add__(joined(other) if isinstance(other, list) else other)


_PIECE = ("content", "additional_kwargs", "response_metadata", "tool_calls", "invalid_tool_calls", "tool_call_chunks")
# What else a message may say, in whatever LangChain this is: a plain piece says none of it.
_else_of = itemgetter(*(name for name in _MESSAGE if name not in (*_PIECE, "id")))
_NOTHING = _else_of(_MESSAGE)
_TOLD = {"model_provider": PROVIDER}


def joined(chunks: Sequence[ChatGenerationChunk]) -> list[ChatGenerationChunk]:
    """The chunks, but runs of those that are a piece of text, of reasoning or of calls' arguments as one of them.

    To be added up, not to be shown: what LangChain reads of a fragment beside it is left out.
    """
    found: list[ChatGenerationChunk] = []
    run = _Run(None)
    for chunk in chunks:
        if not isinstance(chunk, ChatGenerationChunk):
            return list(chunks)  # LangChain's to refuse
        if run.takes(chunk):
            continue
        found += run.chunks()
        run = _Run(chunk.message.id)
        if not run.takes(chunk):
            found.append(chunk)
    return found + run.chunks()


class _Run:
    """Plain pieces of one message."""

    __slots__ = ("arguments", "id", "reasoning", "text")

    def __init__(self, message_id: str | None) -> None:
        self.id = message_id
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.arguments: dict[int, list[str]] = {}

    def takes(self, chunk: ChatGenerationChunk) -> bool:
        """Takes a chunk, if it is one of these and no more; else both are as they were."""
        message = chunk.message
        fields = message.__dict__
        text, kwargs, calls = fields["content"], fields["additional_kwargs"], fields.get("tool_call_chunks")
        if (
            message.__class__ is not AIMessageChunk
            or fields["id"] != self.id
            or fields["response_metadata"] != _TOLD
            or chunk.__dict__["generation_info"] is not None
            or text.__class__ is not str
            or _else_of(fields) != _NOTHING
        ):
            return False
        reasoning = ""
        if kwargs:
            reasoning = kwargs.get("reasoning_content")
            if len(kwargs) > 1 or reasoning.__class__ is not str:
                return False
        if calls:
            piece = calls[0]
            arguments, index = piece["args"], piece["index"]
            if (
                len(calls) > 1
                or piece["id"] is not None
                or piece["name"] is not None
                or arguments.__class__ is not str
                or index.__class__ is not int
                or len(piece) > 5
            ):
                return False
            try:
                self.arguments[index].append(arguments)
            except KeyError:
                self.arguments[index] = [arguments]
        if reasoning:
            self.reasoning.append(reasoning)
        self.text.append(text)
        return True

    def chunks(self) -> list[ChatGenerationChunk]:
        """What was taken as one chunk; none where nothing was."""
        if not self.text:
            return []
        text = "".join(self.text)
        message = message_chunk(text, {"reasoning_content": "".join(self.reasoning)} if self.reasoning else {})
        message.__dict__["id"] = self.id
        message.__dict__["tool_call_chunks"] = [
            tool_call_chunk(index=index, args="".join(pieces)) for index, pieces in self.arguments.items()
        ]
        return [generation_chunk(message, text)]


@lru_cache
def register_for_loading(*path: str) -> None:
    """Lets `langchain_core.load` read a class with `allowed_objects="all"`, by the path it is serialized under.

    LangChain lists the classes it reads in a mapping of its own, without a way in for packages outside its repository.
    Where that mapping has another shape nothing happens; `allowed_objects=[ChatAIMLAPI]` needs no mapping.
    """
    try:
        mappings = import_module("langchain_core.load.mapping").SERIALIZABLE_MAPPING
        load = import_module("langchain_core.load.load")
        known, paths = load.ALL_SERIALIZABLE_MAPPINGS, load._default_class_paths_cache
        mappings.setdefault(path, path)
        known.setdefault(path, path)
        paths.pop("all", None)  # what was computed before we came
    except (ImportError, AttributeError):
        return
