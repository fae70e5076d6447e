"""`additional_kwargs["parsed"]`: what an answer to the `response_format` of a call says, read by its schema. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage

from aimlapi_transport.responses.output_items import answer_of
from langchain_aimlapi._schemas import kind_of, to_answer_schema
from langchain_aimlapi._structured import StructuredAnswer
from langchain_aimlapi.errors import Response

if TYPE_CHECKING:
    from aimlapi_transport.chat.response import Choice, Completion

PARSED = "parsed"


class UnfitAnswerError(OutputParserException):
    """The answer does not have the shape of the class it was asked for in.

    Attributes:
        response: the reply, as LangChain's tracing reads it.
        answer: the message; of a stream its end, with what it cost.
    """

    def __init__(self, message: str, *, text: str, response: Response, answer: AIMessage) -> None:
        super().__init__(message, llm_output=text)
        self.response = response
        self.answer = answer


def add_parsed(message: AIMessage, schema: Any, completion: Completion, choice: Choice) -> None:
    """Adds what the answer says to the message: an instance of a class, or a dict.

    A refusal, a call, and text that does not fit any other schema add nothing.

    Args:
        message: the reply, or the end of its stream.
        schema: the call's `response_format`.

    Raises:
        OutputParserException: the answer was cut, or does not fit the class. It has the reply as `response`.
    """
    if isinstance(schema, Mapping) and schema.get("type") in ("json_object", "text"):
        return  # any object, or none
    text = answer_of(choice.items) if choice.items else choice.text
    if not text.strip() or choice.tool_calls or choice.refusal:
        return
    kind = kind_of(schema)
    try:
        if kind is not None and choice.finish_reason == "length":
            raise OutputParserException("The answer was cut at its limit: pass a larger `max_tokens`.")
        shape = None if kind is None else to_answer_schema(kind, strict=None)
        message.additional_kwargs[PARSED] = StructuredAnswer(kind=kind, shape=shape).parse(text)
    except OutputParserException as error:
        if kind is not None:
            reply = Response(200, completion.headers, completion.raw)
            raise UnfitAnswerError(str(error), text=text, response=reply, answer=message) from error
