"""Answers in the shape of a class: the methods of an `AIMLAPI` that ask for them.

The shape is asked for in one of three ways: by a JSON schema where the model's documents list it, by a required tool
call where it takes tools, in words where it takes neither.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, Literal

from llama_index.core.base.llms.types import (
    ChatMessage,
    MessageRole,
    TextBlock,
)
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictInProgressEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts.base import BasePromptTemplate
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import claims
from aimlapi_transport.errors import InvalidRequestError
from llama_index_aimlapi._settings import AIMLAPISettings

if TYPE_CHECKING:  # imported by the first call for a shape
    from aimlapi_transport.structured.answer_schema import AnswerSchema
    from llama_index_aimlapi._structured_parsing import Expected, Model

Way = Literal["json_schema", "tool", "words"]

_dispatcher = get_dispatcher(__name__)
_OF_TOOLS = ("tools", "tool_choice", "tool_required", "allow_parallel_tool_calls", "parallel_tool_calls")


class StructuredPrediction(AIMLAPISettings):
    """The part of an `AIMLAPI` that gives answers the shape of a class."""

    def structured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: Json | None = None,
        **prompt_args: Any,
    ) -> Model:
        """The answer to a prompt, as an object of `output_cls`.

        Args:
            llm_kwargs: what to pass to `chat`; it wins. Tools among it are sent, too; a call of one is no answer.

        Raises:
            StructuredOutputError: a refusal, an answer cut short, or one that does not fit; its `reason` says which.
        """
        from llama_index_aimlapi._structured_parsing import answer_in

        messages, kwargs, expected = self._asked(output_cls, prompt, llm_kwargs, prompt_args)
        answer: Model = answer_in(self.chat(messages, **kwargs), expected)
        _dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
        return answer

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: Json | None = None,
        **prompt_args: Any,
    ) -> Model:
        """As `structured_predict`, for asyncio."""
        from llama_index_aimlapi._structured_parsing import answer_in

        messages, kwargs, expected = self._asked(output_cls, prompt, llm_kwargs, prompt_args)
        answer: Model = answer_in(await self.achat(messages, **kwargs), expected)
        _dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
        return answer

    def stream_structured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: Json | None = None,
        **prompt_args: Any,
    ) -> Generator[Model | BaseModel, None, None]:
        """The object as it comes: each time it grew, and at last the whole, an object of `output_cls`.

        What does not fit the class yet is an object of the same fields, None where nothing came.

        Raises:
            StructuredOutputError: as in `structured_predict`, at the end.
        """
        from llama_index_aimlapi._structured_parsing import PartialAnswers

        messages, kwargs, expected = self._asked(output_cls, prompt, llm_kwargs, prompt_args)
        partial = PartialAnswers(expected)
        with closing(self.stream_chat(messages, **kwargs)) as chunks:
            for response in chunks:
                value = partial.add(response)
                if value is not None:
                    _dispatcher.event(LLMStructuredPredictInProgressEvent(output=value))
                    yield value
        answer = partial.close()
        _dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
        yield answer

    async def astream_structured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: Json | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | BaseModel, None]:
        """As `stream_structured_predict`, for asyncio: await it for the stream."""
        from llama_index_aimlapi._structured_parsing import PartialAnswers

        messages, kwargs, expected = self._asked(output_cls, prompt, llm_kwargs, prompt_args)

        async def objects() -> AsyncGenerator[Model | BaseModel, None]:
            partial = PartialAnswers(expected)
            async with aclosing(await self.astream_chat(messages, **kwargs)) as chunks:
                async for response in chunks:
                    value = partial.add(response)
                    if value is not None:
                        _dispatcher.event(LLMStructuredPredictInProgressEvent(output=value))
                        yield value
            answer = partial.close()
            _dispatcher.event(LLMStructuredPredictEndEvent(output=answer))
            yield answer

        return objects()

    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> StructuredLLM:
        """An LLM all of whose answers are objects of `output_cls`, in `raw`.

        Args:
            kwargs: settings of the `StructuredLLM`; any other is passed to every call, as `llm_kwargs` is.
        """
        from llama_index_aimlapi._structured_llm import AIMLAPIStructured

        fields = AIMLAPIStructured.model_fields
        settings = {name: value for name, value in kwargs.items() if name in fields}
        of_calls = {name: value for name, value in kwargs.items() if name not in fields}
        settings["llm_kwargs"] = {**settings.get("llm_kwargs", {}), **of_calls}
        return AIMLAPIStructured(llm=self, output_cls=output_cls, **settings)

    def _should_use_structure_outputs(self) -> bool:
        """Whether shapes are asked for by a JSON schema: as `should_use_structured_outputs` says, else where the
        documents of the model list it."""
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            return False
        if self.should_use_structured_outputs is not None:
            return self.should_use_structured_outputs
        listed = self._host().rules_for(self.model).parameters
        return listed is None and claims(self._facts(), "structured_output") is True

    def _prepare_schema(self, llm_kwargs: Json | None, output_cls: type[BaseModel]) -> Json:
        """The arguments of `chat`, with the class's schema as `response_format`."""
        from llama_index_aimlapi._schemas import to_response_format

        return {"response_format": to_response_format(output_cls), **_without_idle_choices(llm_kwargs or {})}

    def _way(self, shape: AnswerSchema) -> Way:
        mode = self.pydantic_program_mode
        if mode in (PydanticProgramMode.GUIDANCE, PydanticProgramMode.LM_FORMAT_ENFORCER):
            raise InvalidRequestError(
                f"`pydantic_program_mode` is {mode.value}: that needs a model in this process. "
                "Pass default, function, openai or llm."
            )
        if mode == PydanticProgramMode.LLM or shape.is_wrapped:
            return "words"  # neither way else carries a bare list or a choice of classes
        if self._should_use_structure_outputs():
            return "json_schema"
        if mode == PydanticProgramMode.DEFAULT and not self._takes_tools(self._facts()):
            return "words"
        return "tool"

    def _asked(
        self, output_cls: type[BaseModel], prompt: BasePromptTemplate, llm_kwargs: Json | None, prompt_args: Json
    ) -> tuple[list[ChatMessage], Json, Expected]:
        """The messages, the arguments of `chat` that ask for the shape, and what to expect of the answer."""
        from llama_index_aimlapi._schemas import to_answer_schema
        from llama_index_aimlapi._structured_parsing import Expected
        from llama_index_aimlapi._tools import to_tools

        if not (isinstance(output_cls, type) and issubclass(output_cls, BaseModel)):
            raise InvalidRequestError(f"`output_cls` is {output_cls!r}: pass a Pydantic class.")
        _dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        messages = prompt.format_messages(llm=self, **prompt_args)
        if self.system_prompt:
            messages = [ChatMessage(role=MessageRole.SYSTEM, content=self.system_prompt), *messages]
        kwargs = dict(llm_kwargs or {})
        shape = to_answer_schema(output_cls, strict=None)
        way = self._way(shape)
        strict = kwargs.get("strict")
        others = to_tools([*(kwargs.get("tools") or ()), *(self.tools or ())])
        names = frozenset(str((row.get("function") or row).get("name")) for row in others)
        if way == "tool":
            kwargs["strict"] = self.strict if strict is None else bool(strict)
            shape = self._strict_schema(output_cls, kwargs["strict"], was_asked=True)
            return messages, self._with_answer_tool(messages, shape, kwargs, names), Expected(output_cls, shape, names)
        kwargs = _without_idle_choices(kwargs)
        if way == "words":
            return _worded(messages, shape.instruction()), kwargs, Expected(output_cls, shape, names)
        shape = self._strict_schema(output_cls, strict is not False, was_asked=strict is not None)
        return messages, {"response_format": shape.response_format(), **kwargs}, Expected(output_cls, shape, names)

    def _strict_schema(self, output_cls: type[BaseModel], strict: bool, *, was_asked: bool) -> AnswerSchema:
        from llama_index_aimlapi._schemas import to_answer_schema

        return to_answer_schema(output_cls, strict=strict or None, was_asked=was_asked, refuse=self.strict_parameters)

    def _with_answer_tool(
        self, messages: list[ChatMessage], shape: AnswerSchema, kwargs: Json, others: frozenset[str]
    ) -> Json:
        """The arguments of `chat` with the tool whose call is the answer, beside the caller's own tools."""
        from llama_index_aimlapi._schemas import tool_for
        from llama_index_aimlapi._tools import to_tool_choice, to_tools

        tools: list[Any] = [tool_for(shape), *(kwargs.pop("tools", None) or ())]
        kwargs.pop("tool_required", None)
        choice = to_tool_choice(kwargs.pop("tool_choice", None), to_tools(tools))
        only = {"type": "function", "function": {"name": shape.name}}
        if choice not in (None, "auto", "required", only):
            raise InvalidRequestError(
                f"`tool_choice` is {choice!r}, but the answer is a call of `{shape.name}`: leave it out."
            )
        prepared = self._prepare_chat_with_tools(
            tools,
            chat_history=messages,
            tool_required=True,
            tool_choice=choice if choice == "auto" else None,
            **{"allow_parallel_tool_calls": False, **kwargs},
        )
        if others and choice is None:
            prepared["tool_choice"] = only
        prepared.pop("messages")
        return prepared


def _without_idle_choices(kwargs: Json) -> Json:
    """The arguments of a call without those that choose among tools, where there are none."""
    return kwargs if kwargs.get("tools") else {key: value for key, value in kwargs.items() if key not in _OF_TOOLS}


def _worded(messages: Sequence[ChatMessage], instruction: str) -> list[ChatMessage]:
    """The messages, the last question with the instruction behind it. The given ones are not changed."""
    block = TextBlock(text=instruction)
    *before, last = messages or [ChatMessage(role=MessageRole.USER, blocks=[])]
    if last.role != MessageRole.USER:
        return [*messages, ChatMessage(role=MessageRole.USER, blocks=[block])]
    if last.blocks and isinstance(last.blocks[-1], TextBlock):
        joined = TextBlock(text=f"{last.blocks[-1].text}\n\n{block.text}")
        return [*before, last.model_copy(update={"blocks": [*last.blocks[:-1], joined]})]
    return [*before, last.model_copy(update={"blocks": [*last.blocks, block]})]
