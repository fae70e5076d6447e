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
from aimlapi_transport.config.hosts import PRESETS, preset_for
from aimlapi_transport.config.model_families import facts_for
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import dumps
from llama_index_aimlapi._schemas import schema_of, to_response_format, tool_of

if TYPE_CHECKING:
    from llama_index_aimlapi._settings import AIMLAPISettings
    from llama_index_aimlapi._structured_parsing import Model
else:  # no base: Pydantic reads all the fields again for each class on the way, 4 ms of an import
    AIMLAPISettings = object

Way = Literal["json_schema", "tool", "words"]

_dispatcher = get_dispatcher(__name__)
_OF_TOOLS = ("tools", "tool_choice", "tool_required", "allow_parallel_tool_calls", "parallel_tool_calls")
_IN_WORDS = "Answer with one JSON value that fits this JSON schema, and with nothing else:\n"


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
            llm_kwargs: what to pass to `chat`; it wins.

        Raises:
            StructuredOutputError: a refusal, an answer cut short, or one that does not fit; its `reason` says which.
        """
        from llama_index_aimlapi._structured_parsing import answer_in

        messages, kwargs = self._asked(output_cls, prompt, llm_kwargs, prompt_args)
        answer = answer_in(self.chat(messages, **kwargs), output_cls)
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

        messages, kwargs = self._asked(output_cls, prompt, llm_kwargs, prompt_args)
        answer = answer_in(await self.achat(messages, **kwargs), output_cls)
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

        messages, kwargs = self._asked(output_cls, prompt, llm_kwargs, prompt_args)
        partial = PartialAnswers(output_cls)
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

        messages, kwargs = self._asked(output_cls, prompt, llm_kwargs, prompt_args)

        async def objects() -> AsyncGenerator[Model | BaseModel, None]:
            partial = PartialAnswers(output_cls)
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
        """An LLM all of whose answers are objects of `output_cls`, in `raw`."""
        from llama_index_aimlapi._structured_llm import AIMLAPIStructured

        return AIMLAPIStructured(llm=self, output_cls=output_cls, **kwargs)

    def _should_use_structure_outputs(self) -> bool:
        """Whether shapes are asked for by a JSON schema: as `should_use_structured_outputs` says, else where the
        documents of the model list it."""
        if self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            return False
        if self.should_use_structured_outputs is not None:
            return self.should_use_structured_outputs
        preset = PRESETS.get(self.preset or "") or preset_for(self.api_base)
        if not preset.lists_models or preset.rules_for(self.model).parameters is not None:
            return False
        facts = facts_for(self.model)
        return facts is not None and "structured_output" in facts.claims

    def _prepare_schema(self, llm_kwargs: Json | None, output_cls: type[BaseModel]) -> Json:
        """The arguments of `chat`, with the class's schema as `response_format`."""
        kept = {name: value for name, value in (llm_kwargs or {}).items() if name not in _OF_TOOLS}
        return {"response_format": to_response_format(output_cls), **kept}

    def _way(self, output_cls: type[BaseModel]) -> Way:
        mode = self.pydantic_program_mode
        if mode in (PydanticProgramMode.GUIDANCE, PydanticProgramMode.LM_FORMAT_ENFORCER):
            raise InvalidRequestError(
                f"`pydantic_program_mode` is {mode.value}: that needs a model in this process. "
                "Pass default, function, openai or llm."
            )
        if mode == PydanticProgramMode.LLM or schema_of(output_cls).get("type") != "object":
            return "words"  # neither way else carries a bare list or a choice of classes
        if self._should_use_structure_outputs():
            return "json_schema"
        if mode == PydanticProgramMode.DEFAULT and not self.metadata.is_function_calling_model:
            return "words"
        return "tool"

    def _asked(
        self, output_cls: type[BaseModel], prompt: BasePromptTemplate, llm_kwargs: Json | None, prompt_args: Json
    ) -> tuple[list[ChatMessage], Json]:
        """The messages, and the arguments of `chat` that ask for the shape."""
        if not (isinstance(output_cls, type) and issubclass(output_cls, BaseModel)):
            raise InvalidRequestError(f"`output_cls` is {output_cls!r}: pass a Pydantic class.")
        _dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        way = self._way(output_cls)
        if way == "json_schema":
            return messages, self._prepare_schema(llm_kwargs, output_cls)
        if way == "words":
            kept = {name: value for name, value in (llm_kwargs or {}).items() if name not in _OF_TOOLS}
            return _worded(messages, output_cls), kept
        given = {name: value for name, value in (llm_kwargs or {}).items() if name not in ("tools", "tool_required")}
        strict = self.strict if given.get("strict") is None else bool(given["strict"])
        given = {"allow_parallel_tool_calls": False, **given, "strict": strict}
        tool: Any = tool_of(output_cls, strict=strict)
        prepared = self._prepare_chat_with_tools([tool], chat_history=messages, tool_required=True, **given)
        return prepared.pop("messages"), prepared


def _worded(messages: Sequence[ChatMessage], output_cls: type[BaseModel]) -> list[ChatMessage]:
    """The messages, the last question with the schema behind it. The given ones are not changed."""
    wish = TextBlock(text=_IN_WORDS + dumps(schema_of(output_cls)).decode())
    *before, last = messages or [ChatMessage(role=MessageRole.USER, blocks=[])]
    if last.role != MessageRole.USER:
        return [*messages, ChatMessage(role=MessageRole.USER, blocks=[wish])]
    if last.blocks and isinstance(last.blocks[-1], TextBlock):
        joined = TextBlock(text=f"{last.blocks[-1].text}\n\n{wish.text}")
        return [*before, last.model_copy(update={"blocks": [*last.blocks[:-1], joined]})]
    return [*before, last.model_copy(update={"blocks": [*last.blocks, wish]})]
