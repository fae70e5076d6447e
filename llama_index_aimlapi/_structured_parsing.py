"""Responses -> objects of a class: whole ones strictly, streamed ones as far as they go. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from llama_index.core.base.llms.types import ChatResponse, ToolCallBlock
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictInProgressEvent,
)
from llama_index.core.program.utils import create_flexible_model
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel, ValidationError

from aimlapi_transport.chat.tool_calls import parse_arguments
from aimlapi_transport.structured.answer_schema import AnswerSchema
from aimlapi_transport.structured.json_text import json_values
from llama_index_aimlapi._partial_json import PartialObject
from llama_index_aimlapi._tools import FINISH_REASON, selections
from llama_index_aimlapi.errors import Reason, StructuredOutputError

Model = TypeVar("Model", bound=BaseModel)

_dispatcher = get_dispatcher(__name__)
_OBJECT = re.compile(r'\{\s*"')  # how an object begins, and seldom anything else in braces


class Expected(NamedTuple):
    """What an answer is to be.

    Attributes:
        output_cls: the class of the object.
        schema: as it was asked for.
        others: names of tools that were sent, too: their calls are no answer.
    """

    output_cls: Any
    schema: AnswerSchema
    others: frozenset[str]

    def answer_in(self, response: ChatResponse) -> Any:
        """The object that a finished response holds, in a tool call or in its text, fenced or plain.

        Raises:
            StructuredOutputError: it was refused or cut short, holds no JSON, or its JSON does not fit the class.
        """
        title = self.output_cls.__name__
        _check_end(response, title)
        texts: list[str] = []
        failed: ValidationError | None = None
        for value in _candidates(response, texts, self.others):
            try:
                answer = self.validated(value)
            except ValidationError as error:
                failed = failed or error
            else:
                _dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
                return answer
        if failed is None:
            called = [block.tool_name for block in response.message.blocks if isinstance(block, ToolCallBlock)]
            text = texts[0] if texts else response.message.content or ""
            answered = f"by a call of `{called[0]}`" if called and not text else repr(text[:200])
            raise _error("no_json", f"The model was asked for a {title}, and answered {answered}.", response)
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}"
            for problem in failed.errors(include_url=False, include_input=False)[:3]
        )
        raise _error("mismatch", f"The model's answer does not fit {title}: {problems}.", response) from failed

    def validated(self, value: Any) -> Any:
        """The value as an object of the class: as it is, else as its schema means it. Raises Pydantic's error."""
        try:
            return self._instance(value)
        except ValidationError:
            meant = self.schema.value(value)
            if meant == value:
                raise
            return self._instance(meant)

    def _instance(self, value: Any) -> Any:
        return self.output_cls.model_validate_json(json.dumps(value))  # as JSON: a strict class takes a text for a date


class PartialAnswers:
    """The objects a stream spells so far: of the class once they fit it, else of a class that takes any fields."""

    def __init__(self, expected: Expected) -> None:
        self._expected = expected
        self._flexible: type[BaseModel] = create_flexible_model(expected.output_cls)
        self._start: int | None = None
        self._shown = 0
        self._last: dict[str, Any] = {}
        self._response: ChatResponse | None = None

    def add(self, response: ChatResponse) -> Iterator[Any]:
        """The object so far, where this piece added to it."""
        self._response = response
        values = self._values(response)
        if not values or values == self._last:
            return
        self._last = values
        values = self._expected.schema.value(values)
        try:
            answer = self._expected.output_cls.model_validate_json(json.dumps(values))
        except ValidationError:
            answer = self._flexible.model_validate(values)
        _dispatcher.event(LLMStructuredPredictInProgressEvent(output=answer))
        yield answer

    def close(self) -> Any:
        """The whole object. Raises as `Expected.answer_in`."""
        if self._response is None:
            raise StructuredOutputError("The stream contained no answer.")
        return self._expected.answer_in(self._response)

    def _values(self, response: ChatResponse) -> dict[str, Any]:
        if FINISH_REASON in response.additional_kwargs:
            return {}
        if response.message.additional_kwargs.get("tool_calls"):
            calls = [call for call in selections(response) if call.tool_name not in self._expected.others]
            return calls[0].tool_kwargs if calls else {}
        text = response.message.content or ""
        if self._start is None:
            match = _OBJECT.search(text)
            if match is None:
                return {}
            self._start = match.start()
        if len(text) - self._shown < self._shown / 64:
            return {}  # a long answer's object is made anew when it has grown by one part in 64
        self._shown = len(text)
        return PartialObject(text[self._start :]).value


def _check_end(response: ChatResponse, title: str) -> None:
    refusal = response.additional_kwargs.get("refusal") or response.message.additional_kwargs.get("refusal")
    if refusal:
        raise _error("refusal", f"The model refused: {refusal}", response)
    reason = response.additional_kwargs.get(FINISH_REASON)
    if reason == "length":
        raise _error("length", f"The {title} was cut at the output limit: raise `max_tokens`.", response)
    if reason == "content_filter":
        raise _error("content_filter", "The provider's content filter stopped the answer.", response)


def _candidates(response: ChatResponse, texts: list[str], others: frozenset[str]) -> Iterator[Any]:
    """The JSON values that a response may mean, likeliest first; `texts` gets the arguments of calls."""
    for block in response.message.blocks:
        if not isinstance(block, ToolCallBlock) or block.tool_name in others:
            continue
        if isinstance(block.tool_kwargs, str):
            texts.append(block.tool_kwargs)
            parsed, _ = parse_arguments(block.tool_kwargs)
            yield from json_values(block.tool_kwargs) if parsed is None else [parsed]
        else:
            yield block.tool_kwargs
    for value in json_values(response.message.content or ""):
        yield value
        # Some models write the call they were to make.
        inner = value.get("arguments", value.get("parameters")) if isinstance(value, dict) and "name" in value else None
        if isinstance(inner, dict):
            yield inner


def _error(reason: Reason, message: str, response: ChatResponse) -> StructuredOutputError:
    error = StructuredOutputError(message, body=response.raw, request_id=response.additional_kwargs.get("inference_id"))
    error.reason = reason
    return error
