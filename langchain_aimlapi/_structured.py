"""Answers in the shape of a schema: the parsers behind `with_structured_output`. Pure.

A refusal, an answer cut at its limit, or one that does not have the shape raises, never `None` in silence. Nothing is
repaired: JSON is read strictly, see `structured.json_text`. Where a tool was to be called, text that is itself the JSON
counts as the answer, for some models write the arguments instead of the call.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, TypeGuard

import pydantic.v1
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableMap
from langchain_core.runnables.utils import AddableDict
from langchain_core.utils.json import parse_partial_json
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, ValidationError

from aimlapi_transport.chat.coercion import coerce
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.structured.json_text import json_values
from langchain_aimlapi._output_items import answer_text


def is_class(schema: Any) -> TypeGuard[type]:
    """Whether the schema is a Pydantic class, of either version, so that answers become its instances."""
    return isinstance(schema, type) and is_basemodel_subclass(schema)


class StructuredAnswer(BaseTransformOutputParser[Any]):
    """Reads a message's answer: the instance of a Pydantic class, or a dict.

    A stream gives a dict as it grows, and an instance once it is whole.

    Attributes:
        kind: a Pydantic class, or None for a dict.
        shape: the JSON schema, None where there is none: a string that spells an array or an object where it wants one
            is that one.
        required: keys a dict must have.
        tool: the name of the tool whose call holds the answer, None where the text does.
        others: whether other tools are bound: their calls are no answer yet (None), not a failure.
    """

    kind: Any = None
    shape: Any = None
    required: tuple[str, ...] = ()
    tool: str | None = None
    others: bool = False

    @property
    def _type(self) -> str:
        return "aimlapi-structured-answer"

    def parse(self, text: str) -> Any:
        """The answer in a text: of the JSON values it may mean, the first that has the shape."""
        failure: OutputParserException | None = None
        for value in json_values(text):
            try:
                return self._shaped(value)
            except OutputParserException as error:
                failure = failure or error
        raise failure or OutputParserException(f"The answer is no JSON: {text[:200]!r}.", llm_output=text)

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """The answer in a message; of half a message, what there is of a dict.

        Raises:
            OutputParserException: there is no such answer; the message says what there is.
        """
        first = result[0]
        if not isinstance(first, ChatGeneration) or not isinstance(first.message, AIMessage):
            return self.parse(first.text)
        return self.begun(first.message) if partial else self.read(first.message)

    def read(self, message: AIMessage) -> Any:
        """The answer in a whole message."""
        _check_end(message)
        calls = [call for call in message.tool_calls if self.tool is None or call["name"] == self.tool]
        if self.tool is not None and calls:
            return self._shaped(calls[0]["args"])
        if message.invalid_tool_calls:
            call = message.invalid_tool_calls[0]
            raise OutputParserException(f"The call of `{call['name']}` cannot be read: {call['args']!r}.")
        if self.others and message.tool_calls:
            return None
        text = answer_text(message)
        if not text.strip():
            called = ", ".join(f"`{call['name']}`" for call in message.tool_calls)
            raise OutputParserException(f"The model called {called} instead." if called else "The answer is empty.")
        try:
            return self.parse(text)
        except OutputParserException as error:
            if self.tool is None:
                raise
            raise OutputParserException(f"The model answered in text, not by the tool: {text[:200]!r}.") from error

    def _shaped(self, value: Any) -> Any:
        value = coerce(value, self.shape)
        if self.kind is None:
            if not isinstance(value, dict):
                kind = type(value).__name__
                raise OutputParserException(f"The answer is a JSON {kind}, not an object: {_excerpt(value)}.")
            missing = [name for name in self.required if name not in value]
            if missing:
                raise OutputParserException(f"The answer lacks {', '.join(missing)}: {_excerpt(value)}.")
            return value
        try:
            if issubclass(self.kind, BaseModel):
                return self.kind.model_validate_json(json.dumps(value))  # as JSON: a strict date may be a text
            return self.kind.parse_obj(value)
        except (ValidationError, pydantic.v1.ValidationError) as error:
            raise OutputParserException(f"The answer does not fit {self.kind.__name__}: {error}") from error

    def begun(self, message: AIMessage) -> Json | None:
        """What there is of a dict, None where nothing is."""
        if self.kind is not None:
            return None
        if self.tool is None:
            text = answer_text(message).lstrip()
            text = text if text.startswith("{") else re.sub(r"^```[A-Za-z0-9]*\s*", "", text)
        else:
            chunks = message.tool_call_chunks if isinstance(message, AIMessageChunk) else []
            text = next((chunk["args"] or "" for chunk in chunks if chunk["name"] == self.tool), "")
        try:
            value = parse_partial_json(text) if text.startswith("{") else None
        except ValueError:
            return None
        return coerce(value, self.shape) if isinstance(value, dict) and value else None

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:
        partial = _PartialResults(self)
        for piece in input:
            yield from partial.add(piece)
        yield from partial.close()

    async def _atransform(self, input: AsyncIterator[str | BaseMessage]) -> AsyncIterator[Any]:
        partial = _PartialResults(self)
        async for piece in input:
            for value in partial.add(piece):
                yield value
        for value in partial.close():
            yield value


class _PartialResults:
    """A stream's pieces, added up; each value it gives is another than the last."""

    def __init__(self, parser: StructuredAnswer) -> None:
        self._parser = parser
        self._total: Any = None
        self._last: Any = None

    def add(self, piece: str | BaseMessage) -> Iterator[Any]:
        self._total = piece if self._total is None else self._total + piece
        if isinstance(piece, AIMessageChunk):
            value = self._parser.begun(self._total)
            if value is not None and value != self._last:
                self._last = value
                yield value

    def close(self) -> Iterator[Any]:
        if self._total is None:
            return
        text = isinstance(self._total, str)
        value = self._parser.parse(self._total) if text else self._parser.read(self._total)
        if value is None or value != self._last:
            yield value


def with_raw(model: Runnable[Any, Any], parser: StructuredAnswer) -> Runnable[Any, Any]:
    """`{"raw", "parsed", "parsing_error"}`: a parsing error is returned, not raised, in a stream too."""
    collecting = _Collecting(parser)
    return RunnableMap({"raw": model}) | RunnableGenerator(collecting.through, collecting.athrough)


class _Collecting:
    """Passes the raw message on, and adds what it says. A class, not closures: a chain is a value, too."""

    def __init__(self, parser: StructuredAnswer) -> None:
        self._parser = parser

    def through(self, pieces: Iterator[Any]) -> Iterator[Any]:
        raw = None
        for piece in pieces:
            raw = piece["raw"] if raw is None else raw + piece["raw"]
            yield AddableDict(piece)
        yield self._collected(raw)

    async def athrough(self, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
        raw = None
        async for piece in pieces:
            raw = piece["raw"] if raw is None else raw + piece["raw"]
            yield AddableDict(piece)
        yield self._collected(raw)

    def _collected(self, raw: Any) -> Any:
        try:
            return AddableDict(parsed=None if raw is None else self._parser.read(raw), parsing_error=None)
        except Exception as error:  # whatever a user's validator raises
            return AddableDict(parsed=None, parsing_error=error)


def instruction(schema: Mapping[str, Any]) -> str:
    """The instruction for a model that takes no parameter for a schema."""
    return (
        "Answer with one JSON object and nothing else, no code fence. It must fit this JSON schema:\n"
        f"{json.dumps(schema, ensure_ascii=False)}"
    )


def instructed(messages: list[Json], text: str) -> list[Json]:
    """The messages with this instruction first: in their system message, or in one of its own."""
    first = messages[0] if messages else {}
    if first.get("role") != "system":
        return [{"role": "system", "content": text}, *messages]
    content = first["content"]
    said = f"{content}\n\n{text}" if isinstance(content, str) else [*content, {"type": "text", "text": text}]
    return [{**first, "content": said}, *messages[1:]]


def _excerpt(value: Any) -> str:
    return repr(value)[:200]


def _check_end(message: AIMessage) -> None:
    refusal = message.additional_kwargs.get("refusal")
    if refusal:
        raise OutputParserException(f"The model refused: {refusal}")
    reason = message.response_metadata.get("finish_reason")
    if reason == "length":
        raise OutputParserException("The answer was cut at its limit: pass a larger `max_tokens`.")
    if reason == "content_filter":
        raise OutputParserException("The provider's content filter stopped the answer.")
