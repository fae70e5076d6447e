"""Answers in the shape of a schema: the chain that `with_structured_output` returns, and its parsers. Pure.

A refusal, an answer cut at its limit, or one that does not have the shape raises, and never gives `None`. Nothing is
repaired: JSON is read strictly, see `structured.json_text`. Where a tool was to be called, text that is itself the JSON
counts as the answer, for some models write the arguments instead of the call.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pydantic.v1
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableMap
from langchain_core.runnables.utils import AddableDict
from langchain_core.utils.json import parse_partial_json
from pydantic import TypeAdapter, ValidationError

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.json_schema import json_type, json_types
from aimlapi_transport.structured.answer_schema import AnswerSchema
from aimlapi_transport.structured.describe import is_pydantic_v1, name_of
from aimlapi_transport.structured.json_text import json_values
from langchain_aimlapi._output_items import answer_text
from langchain_aimlapi._schemas import kind_of, to_answer_schema, traced
from langchain_aimlapi._tools import to_tool_choice, to_tools
from langchain_aimlapi.errors import InvalidRequestError

if TYPE_CHECKING:
    from langchain_aimlapi._settings import ChatSettings
try:
    from langchain_core.exceptions import ModelRefusalError
except ImportError:  # before langchain-core 1.7.5
    from langchain_core.exceptions import ModelError as ModelRefusalError  # type: ignore[assignment]  # what it is a kind of


class RefusedAnswerError(OutputParserException, ModelRefusalError):
    """The model refused to answer: LangChain's error for that, and one of the parser's, as all others here.

    Attributes:
        raw_message: the message with the refusal.
    """

    def __init__(self, error: str, raw_message: AIMessage | None = None) -> None:
        OutputParserException.__init__(self, error)
        self.raw_message = raw_message


METHODS = ("function_calling", "json_schema", "json_mode")


def structured(
    model: ChatSettings,
    runnable: Runnable[LanguageModelInput, AIMessage],
    bound: Mapping[str, Any],
    schema: Any = None,
    *,
    method: str | None = None,
    include_raw: bool = False,
    strict: bool | None = None,
    tools: Sequence[Any] | None = None,
    **kwargs: Any,
) -> Runnable[LanguageModelInput, Any]:
    """The chain that `ChatAIMLAPI.with_structured_output` returns.

    Args:
        model: the model at the end of `runnable`, which decides what is possible.
        runnable: what is asked: the model, or a binding of it.
        bound: the arguments bound to `runnable`.

    Raises:
        InvalidRequestError: no schema, an argument that is none, or one in conflict with what is bound.
    """
    if method not in (None, *METHODS):
        raise InvalidRequestError(f"`method` is {method!r}: pass function_calling, json_schema or json_mode.")
    if schema is None and method != "json_mode":
        raise InvalidRequestError('`schema` is missing: pass one, or `method="json_mode"` for any JSON object.')
    if tools and not include_raw:
        raise InvalidRequestError("`tools` are given: pass `include_raw=True`, for their calls are in `raw`.")
    chosen = method or best_method(model)
    if chosen == "json_schema" and is_pydantic_v1(schema):
        chosen = "function_calling"  # its schema is of an older draft
    refuse = model.strict_parameters
    shape = None if schema is None else to_answer_schema(schema, strict=strict, refuse=refuse)
    bound = {**model.model_kwargs, **bound}
    others = to_tools(tools or (), strict=strict, refuse=refuse)
    if bound.get("tools"):
        others += to_tools(bound["tools"])
    tool = None
    if chosen == "function_calling" and shape is not None:
        definition = shape.tool()
        tool = shape.name
        kwargs["tools"] = [definition, *others]
        choice = to_tool_choice(bound.get("tool_choice"), kwargs["tools"])
        only = {"type": "function", "function": {"name": tool}}
        if choice is None:
            # The choice is ours, not the user's: left out where a host or a model does not take it.
            kwargs["added_tool_choice"] = only if others and not include_raw else "required"
        elif choice not in ("auto", "required", only):
            raise InvalidRequestError(
                f"`tool_choice` is bound to {choice!r}, but the answer is a call of `{tool}`: bind none, "
                'or pass `method="json_schema"`.'
            )
    else:
        if others:
            kwargs["tools"] = others
        if bound.get("response_format") is not None and (method or chosen == "json_schema"):
            raise InvalidRequestError(
                "`response_format` is bound, which the schema would replace: bind only one of them."
            )
        if chosen == "json_schema" and shape is not None:
            kwargs["response_format"] = shape.response_format()
        elif method is None and shape is not None:
            kwargs |= {"added_response_format": {"type": "json_object"}, "added_instruction": shape.instruction()}
        else:
            kwargs["response_format"] = {"type": "json_object"}
    output_format = {"kwargs": {"method": chosen, "strict": strict}, "schema": traced(schema, shape)}
    llm = runnable.bind(ls_structured_output_format=output_format, **kwargs)
    parser = StructuredAnswer(kind=kind_of(schema), shape=shape, tool=tool, others=bool(others) and include_raw)
    return with_raw(llm, parser) if include_raw else llm | parser


def best_method(model: ChatSettings) -> Literal["function_calling", "json_schema", "json_mode"]:
    """The surest way to a schema that the model's profile and the host allow."""
    profile = model._profile_of(model.model_name) or {}
    listed = model._host().rules_for(model.model_name).parameters
    if profile.get("structured_output") and (listed is None or "response_format" in listed):
        return "json_schema"
    tools = profile.get("tool_calling") is not False and (listed is None or "tools" in listed)
    return "function_calling" if tools else "json_mode"


class StructuredAnswer(BaseTransformOutputParser[Any]):
    """Reads a message's answer: an instance of a class, or what the JSON is.

    A stream gives a dict as it grows, and an instance once it is whole.

    Attributes:
        kind: the type whose instance the answer is, None where it is plain JSON.
        shape: the schema of the answer; None for any JSON object.
        tool: the name of the tool whose call holds the answer, None where the text does.
        others: whether other tools are bound: their calls are no answer yet (None), not a failure.
    """

    kind: Any = None
    shape: AnswerSchema | None = None
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
        raise failure or OutputParserException(f"The answer is not JSON: {text[:200]!r}.", llm_output=text)

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
        value = value if self.shape is None else self.shape.value(value)
        if self.kind is not None:
            return self._instance(value)
        schema: Json = {"type": "object"} if self.shape is None else self.shape.original
        types = json_types(schema, schema)
        if json_type(value) not in types:
            kind, wanted = type(value).__name__, "an object" if types == {"object"} else " or ".join(sorted(types))
            raise OutputParserException(f"The answer is a JSON {kind}, not {wanted}: {_excerpt(value)}.")
        required = schema.get("required")
        missing = [name for name in required if name not in value] if isinstance(required, list) else []
        if missing and isinstance(value, dict):
            raise OutputParserException(f"The answer lacks {', '.join(missing)}: {_excerpt(value)}.")
        return value

    def _instance(self, value: Any) -> Any:
        try:
            if is_pydantic_v1(self.kind):
                return self.kind.parse_obj(value)
            return TypeAdapter(self.kind).validate_json(json.dumps(value))  # as JSON: a strict date may be a text
        except (ValidationError, pydantic.v1.ValidationError) as error:
            raise OutputParserException(f"The answer does not fit {name_of(self.kind)}: {error}") from error

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
        if not isinstance(value, dict) or not value:
            return None
        value = value if self.shape is None else self.shape.value(value)
        return value if isinstance(value, dict) else None

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


def _excerpt(value: Any) -> str:
    return repr(value)[:200]


def _check_end(message: AIMessage) -> None:
    refusal = message.additional_kwargs.get("refusal")
    if refusal:
        raise RefusedAnswerError(f"The model refused: {refusal}", message)
    reason = message.response_metadata.get("finish_reason")
    if reason == "length":
        raise OutputParserException("The answer was cut at its limit: pass a larger `max_tokens`.")
    if reason == "content_filter":
        raise OutputParserException("The provider's content filter stopped the answer.")
