"""Answers in the shape of a schema: the parsers behind `with_structured_output`. Pure.

A refusal, an answer cut at its limit, or plain text where a tool was forced raises, never `None` in silence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser, PydanticToolsParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableMap, RunnablePassthrough
from langchain_core.utils.pydantic import is_basemodel_subclass


def is_class(schema: Any) -> bool:
    """Whether the schema is a Pydantic class, so that answers become its instances."""
    return isinstance(schema, type) and is_basemodel_subclass(schema)


def tool_parser(schema: Any, name: str) -> Runnable[Any, Any]:
    """Reads the answer out of the call of the schema's tool."""
    if is_class(schema):
        return _after(_check_call) | PydanticToolsParser(tools=[schema], first_tool_only=True)
    return _after(_check_call) | JsonOutputKeyToolsParser(key_name=name, first_tool_only=True)


def text_parser(schema: Any) -> Runnable[Any, Any]:
    """Reads the answer out of the text, fenced or bare."""
    if is_class(schema):
        return _after(_check_text) | PydanticOutputParser(pydantic_object=schema)
    return _after(_check_text) | JsonOutputParser()


def with_raw(model: Runnable[Any, Any], parser: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """`{"raw", "parsed", "parsing_error"}`: what went wrong in parsing is told, not raised."""
    read = RunnablePassthrough[Any]() | (lambda answer: answer["raw"]) | parser
    parsed = RunnablePassthrough.assign(parsed=read, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap({"raw": model}) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def _after(check: Callable[[AIMessage], None]) -> Runnable[Any, Any]:
    """Hands pieces on as they come, and checks their sum when it is whole."""

    def through(pieces: Iterator[Any]) -> Iterator[Any]:
        total = None
        for piece in pieces:
            total = piece if total is None else total + piece
            yield piece
        if total is not None:
            check(total)

    async def athrough(pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
        total = None
        async for piece in pieces:
            total = piece if total is None else total + piece
            yield piece
        if total is not None:
            check(total)

    return RunnableGenerator(through, athrough)


def _check_call(message: AIMessage) -> None:
    _check_end(message)
    if message.invalid_tool_calls:
        call = message.invalid_tool_calls[0]
        raise OutputParserException(f"The call of `{call['name']}` cannot be read: {call['args']!r}.")
    if not message.tool_calls:
        raise OutputParserException(f"The model answered in text, not by the tool: {str(message.content)[:200]!r}.")


def _check_text(message: AIMessage) -> None:
    _check_end(message)
    if not message.content:
        raise OutputParserException("The model's answer is empty.")


def _check_end(message: AIMessage) -> None:
    if message.additional_kwargs.get("refusal"):
        raise OutputParserException(f"The model refused: {message.additional_kwargs['refusal']}")
    reason = message.response_metadata.get("finish_reason")
    if reason == "length":
        raise OutputParserException("The answer was cut at its limit: pass a larger `max_tokens`.")
    if reason == "content_filter":
        raise OutputParserException("The provider's content filter stopped the answer.")
