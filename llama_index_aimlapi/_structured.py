"""Answers in the shape of a class: the methods of an `AIMLAPI` that ask for them.

The shape is asked for in one of three ways: by a JSON schema where the model's documents list it, by a required tool
call where it takes tools, in words where it takes neither.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, Literal

from llama_index.core.base.llms.types import ChatMessage, MessageRole, TextBlock
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictStartEvent
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts.base import BasePromptTemplate
from llama_index.core.types import PydanticProgramMode
from llama_index_instrumentation import get_dispatcher
from pydantic import BaseModel

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.config.model_families import claims
from aimlapi_transport.errors import InvalidRequestError
from llama_index_aimlapi import _lazy
from llama_index_aimlapi._settings import AIMLAPISettings

if TYPE_CHECKING:
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
        messages, kwargs, expected = self._asked(output_cls, prompt, llm_kwargs, prompt_args)
        answer: Model = expected.answer_in(self.chat(messages, **kwargs))
        return answer

    async def astructured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: Json | None = None,
        **prompt_args: Any,
    ) -> Model:
        """As `structured_predict`, for asyncio."""
        messages, kwargs, expected = self._asked(output_cls, prompt, llm_kwargs, prompt_args)
        answer: Model = expected.answer_in(await self.achat(messages, **kwargs))
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
        messages, kwargs, expected = self._asked(output_cls, prompt, llm_kwargs, prompt_args)
        partial = _lazy._structured_parsing.PartialAnswers(expected)
        with closing(self.stream_chat(messages, **kwargs)) as chunks:
            for response in chunks:
                yield from partial.add(response)
        yield partial.close()

    async def astream_structured_predict(
        self,
        output_cls: type[Model],
        prompt: BasePromptTemplate,
        llm_kwargs: Json | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Model | BaseModel, None]:
        """As `stream_structured_predict`, for asyncio: await it for the stream."""
        messages, kwargs, expected = self._asked(output_cls, prompt, llm_kwargs, prompt_args)

        async def objects() -> AsyncGenerator[Model | BaseModel, None]:
            partial = _lazy._structured_parsing.PartialAnswers(expected)
            async with aclosing(await self.astream_chat(messages, **kwargs)) as chunks:
                async for response in chunks:
                    for value in partial.add(response):
                        yield value
            yield partial.close()

        return objects()

    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> StructuredLLM:
        """An LLM all of whose answers are objects of `output_cls`, in `raw`.

        Args:
            kwargs: settings of the `StructuredLLM`; any other is passed to every call, as `llm_kwargs` is.
        """
        structured = _lazy._structured_llm.AIMLAPIStructured
        settings = {name: kwargs.pop(name) for name in structured.model_fields if name in kwargs}
        settings["llm_kwargs"] = {**settings.get("llm_kwargs", {}), **kwargs}
        return structured(llm=self, output_cls=output_cls, **settings)

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
        return {
            "response_format": _lazy._schemas.to_response_format(output_cls),
            **_without_idle_choices(llm_kwargs or {}),
        }

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
        if not (isinstance(output_cls, type) and issubclass(output_cls, BaseModel)):
            raise InvalidRequestError(f"`output_cls` is {output_cls!r}: pass a Pydantic class.")
        _dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        messages = prompt.format_messages(llm=self, **prompt_args)
        if self.system_prompt:
            messages = [ChatMessage(role=MessageRole.SYSTEM, content=self.system_prompt), *messages]
        kwargs = dict(llm_kwargs or {})
        others = _lazy._tools.to_tools([*(kwargs.get("tools") or ()), *(self.tools or ())])
        names = frozenset(str((row.get("function") or row).get("name")) for row in others)
        way = self._way(_lazy._schemas.to_answer_schema(output_cls, strict=None))
        strict = kwargs.get("strict")
        if strict is None and way == "tool":
            strict = self.strict
        is_strict = {"tool": bool(strict), "json_schema": strict is not False, "words": False}[way]
        shape = _lazy._schemas.to_answer_schema(
            output_cls, strict=is_strict or None, was_asked=strict is not None, refuse=self.strict_parameters
        )
        if way == "tool":
            kwargs = self._with_answer_tool(messages, shape, {**kwargs, "strict": bool(strict)}, names)
        else:
            kwargs = _without_idle_choices(kwargs)
        if way == "json_schema":
            kwargs = {"response_format": shape.response_format(), **kwargs}
        if way == "words":
            messages = _with_instruction(messages, shape.instruction())
        return messages, kwargs, _lazy._structured_parsing.Expected(output_cls, shape, names)

    def _with_answer_tool(
        self, messages: list[ChatMessage], shape: AnswerSchema, kwargs: Json, others: frozenset[str]
    ) -> Json:
        """The arguments of `chat` with the tool whose call is the answer, beside the caller's own tools."""
        tools: list[Any] = [_lazy._schemas.tool_for(shape), *(kwargs.pop("tools", None) or ())]
        kwargs.pop("tool_required", None)
        choice = _lazy._tools.to_tool_choice(kwargs.pop("tool_choice", None), _lazy._tools.to_tools(tools))
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


def _with_instruction(messages: Sequence[ChatMessage], instruction: str) -> list[ChatMessage]:
    """The messages, the last question with the instruction behind it. They are not changed."""
    if not messages or messages[-1].role != MessageRole.USER:
        return [*messages, ChatMessage(role=MessageRole.USER, content=instruction)]
    *before, last = messages
    blocks = [*last.blocks, TextBlock(text=f"\n\n{instruction}")]
    return [*before, last.model_copy(update={"blocks": blocks})]
