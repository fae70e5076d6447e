"""Tools with which a LangChain agent makes pictures, videos, speech and music, and hears; and a toolkit of them.

    from langchain.agents import create_agent
    from langchain_aimlapi import ChatAIMLAPI
    from langchain_aimlapi.tools import AIMLAPIImageTool

    agent = create_agent(ChatAIMLAPI(model="openai/gpt-4o"), [AIMLAPIImageTool(model="flux/dev", save_to="pictures")])

A tool answers with a text (addresses, or the paths it saved to) and an artifact: LangChain's standard content blocks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import langchain_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from langchain_core.callbacks import AsyncCallbackManagerForToolRun, CallbackManagerForToolRun
from langchain_core.messages.content import ContentBlock, create_text_block
from langchain_core.tools import BaseTool, BaseToolkit, ToolException
from langchain_core.tools.base import ArgsSchema
from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator
from typing_extensions import Self

from aimlapi_transport.errors import AIMLAPIError, GenerationError, InvalidRequestError, NotFoundError
from aimlapi_transport.media.tool_answers import ToolAnswer
from aimlapi_transport.media.tool_arguments import arguments_of
from langchain_aimlapi._endpoint_settings import EndpointSettings
from langchain_aimlapi._media import MediaSettings, block_of
from langchain_aimlapi.errors import translated
from langchain_aimlapi.usage import counted_call

__all__ = [
    "AIMLAPIGenerationStatusTool",
    "AIMLAPIImageEditTool",
    "AIMLAPIImageTool",
    "AIMLAPIMusicSubmitTool",
    "AIMLAPIMusicTool",
    "AIMLAPISpeechTool",
    "AIMLAPIToolkit",
    "AIMLAPITranscriptTool",
    "AIMLAPIVideoSubmitTool",
    "AIMLAPIVideoTool",
]

Answer = tuple[str | list[str | dict[str, Any]], list[ContentBlock]]


class _SavingTool(EndpointSettings, BaseTool):
    """A tool that answers with files.

    Args:
        save_to: a folder to save to; the answer has the paths then, and not the addresses, which expire.
        show_images: whether pictures are blocks of the answer, for chat models that see pictures in results of tools.
    """

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = Field(
        default=True, description="Refusals and failed generations are answered to the model, which may do better."
    )
    save_to: str | Path | None = Field(default=None, description="A folder to save to.")
    show_images: bool = Field(default=False, description="Whether pictures are blocks of the answer.")

    def _answer(self, answer: ToolAnswer) -> Answer:
        if answer.order is not None:
            return answer.text, [create_text_block(answer.order.to_json())]
        blocks = [block_of(file) for file in answer.files]
        if not self.show_images:
            return answer.text, blocks
        pictures = [dict(block) for block in blocks if block["type"] == "image"]
        return [dict(create_text_block(answer.text)), *pictures], blocks


class _MediaTool(_SavingTool, MediaSettings):
    """A media model as a tool; it waits until its answer is there, or orders it only.

    Args:
        model: id of the media model.
        parameters: what every call sends beside what the chat model chooses; it cannot choose these.
    """

    operation: ClassVar[str]
    waits: ClassVar[bool] = True
    args_schema: ArgsSchema | None = Field(default=None, description="By default what the model's documents list.")

    @model_validator(mode="after")
    def _describe_arguments(self) -> Self:
        if self.args_schema is None:
            with translated():
                self.args_schema = _schema(self.operation, self.model, tuple(self.parameters))
        return self

    def _run(self, *texts: str, run_manager: CallbackManagerForToolRun | None = None, **arguments: Any) -> Answer:
        """Makes it, and waits for it; or orders it."""
        with _as_tool_errors(), translated():
            return self._answer(self._client().answer_tool(**self._call(texts, arguments)))

    async def _arun(
        self, *texts: str, run_manager: AsyncCallbackManagerForToolRun | None = None, **arguments: Any
    ) -> Answer:
        """Makes it, and waits for it; or orders it."""
        with _as_tool_errors(), translated():
            return self._answer(await self._async_client().answer_tool(**self._call(texts, arguments)))

    def _call(self, texts: Sequence[str], arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the chat model chose; a text without a name, as in `tool.invoke("A cat")`, is the first argument."""
        named = {**dict(zip(self.args, texts, strict=False)), **arguments}
        return {
            "operation": self.operation,
            "model": self.model,
            "chosen": {name: value for name, value in named.items() if value is not None},
            "parameters": self.parameters,
            "call": counted_call(self.model),
            "waits": self.waits,
            "wait_timeout": self.wait_timeout,
            "save_to": self.save_to or None,
        }


class AIMLAPIImageTool(_MediaTool):
    """Pictures by a prompt, as a tool; see the module."""

    operation: ClassVar[str] = "images"
    name: str = "generate_image"
    description: str = "Makes pictures from a description. Answers with their addresses or paths."
    model: str = Field(default="openai/gpt-image-1", description="Id of the model.")


class AIMLAPIImageEditTool(_MediaTool):
    """A picture changed by a prompt, as a tool; see the module."""

    operation: ClassVar[str] = "edit_image"
    name: str = "edit_image"
    description: str = "Changes a picture as described. Answers with the address or path of the new one."
    model: str = Field(default="google/nano-banana-edit", description="Id of the model.")


class AIMLAPIVideoTool(_MediaTool):
    """A video by a prompt or a picture, as a tool; it stands still for minutes. See the module."""

    operation: ClassVar[str] = "video"
    name: str = "generate_video"
    description: str = "Makes a short film. It takes minutes. Answers with its address or path."
    model: str = Field(default="google/veo3", description="Id of the model.")


class AIMLAPISpeechTool(_MediaTool):
    """A text spoken, as a tool; see the module."""

    operation: ClassVar[str] = "speech"
    name: str = "text_to_speech"
    description: str = "Speaks a text. Answers with the address or path of the sound."
    model: str = Field(default="openai/gpt-4o-mini-tts", description="Id of the model.")


class AIMLAPIMusicTool(_MediaTool):
    """A piece of music by a prompt, as a tool; it stands still for minutes. See the module."""

    operation: ClassVar[str] = "music"
    name: str = "generate_music"
    description: str = "Makes a piece of music. It takes minutes. Answers with its address or path."
    model: str = Field(default="google/lyria2", description="Id of the model.")


class AIMLAPITranscriptTool(_MediaTool):
    """What is said in a sound, as a tool; see the module. It answers with a text, and its artifact is empty."""

    operation: ClassVar[str] = "transcribe"
    name: str = "transcribe_audio"
    description: str = "Writes down what is said in a sound."
    model: str = Field(default="openai/gpt-4o-transcribe", description="Id of the model.")


class AIMLAPIVideoSubmitTool(_MediaTool):
    """Orders a video; `AIMLAPIGenerationStatusTool` asks for it. For agents that should not stand still for minutes."""

    operation: ClassVar[str] = "video"
    waits: ClassVar[bool] = False
    name: str = "submit_video"
    description: str = "Orders a short film, which takes minutes. Answers with a reference to ask for its status with."
    model: str = Field(default="google/veo3", description="Id of the model.")


class AIMLAPIMusicSubmitTool(_MediaTool):
    """Orders a piece of music; `AIMLAPIGenerationStatusTool` asks for it."""

    operation: ClassVar[str] = "music"
    waits: ClassVar[bool] = False
    name: str = "submit_music"
    description: str = "Orders music, which takes minutes. Answers with a reference to ask for its status with."
    model: str = Field(default="google/lyria2", description="Id of the model.")


class _Reference(BaseModel):
    reference: str = Field(description="The reference, as the order was answered with")


class AIMLAPIGenerationStatusTool(_SavingTool):
    """How far something is that was ordered, and where it is once it is done."""

    name: str = "generation_status"
    description: str = "Asks how far a film or a piece of music is that was ordered; answers with it once it is done."
    args_schema: ArgsSchema | None = _Reference

    def _run(self, reference: str, run_manager: CallbackManagerForToolRun | None = None) -> Answer:
        """Asks once."""
        with _as_tool_errors(NotFoundError), translated():
            return self._answer(self._client().answer_status(reference, save_to=self.save_to or None))

    async def _arun(self, reference: str, run_manager: AsyncCallbackManagerForToolRun | None = None) -> Answer:
        """Asks once."""
        with _as_tool_errors(NotFoundError), translated():
            return self._answer(await self._async_client().answer_status(reference, save_to=self.save_to or None))


_Kind = Literal["image", "edit", "video", "speech", "music", "transcript"]
_TOOLS: Mapping[str, type[_MediaTool]] = {
    "image": AIMLAPIImageTool,
    "edit": AIMLAPIImageEditTool,
    "video": AIMLAPIVideoTool,
    "speech": AIMLAPISpeechTool,
    "music": AIMLAPIMusicTool,
    "transcript": AIMLAPITranscriptTool,
}
_SUBMIT_TOOLS: Mapping[str, type[_MediaTool]] = {"video": AIMLAPIVideoSubmitTool, "music": AIMLAPIMusicSubmitTool}


class AIMLAPIToolkit(BaseToolkit):
    """Several media tools with the same settings.

    Args:
        include: which of `image`, `edit`, `video`, `speech`, `music`, `transcript`; by default all.
        models: the model of each, where it is not to be the default one.
        wait: whether videos and music are waited for; otherwise they are ordered, and asked for with one more tool.
        settings: further names are settings of every tool: `api_key`, `base_url`, `save_to`, `timeout`, ...
    """

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    include: tuple[_Kind, ...] = ("image", "edit", "video", "speech", "music", "transcript")
    models: Mapping[_Kind, str] = Field(default_factory=dict)
    wait: bool = True

    def __repr_args__(self) -> Any:
        """No settings: they may hold a key."""
        return [("include", self.include), ("models", self.models), ("wait", self.wait)]

    def get_tools(self) -> list[BaseTool]:
        """The tools, in the order of `include`."""
        classes = {kind: _TOOLS[kind] if self.wait else _SUBMIT_TOOLS.get(kind, _TOOLS[kind]) for kind in self.include}
        settings: dict[str, Any] = dict(self.model_extra or {})
        tools: list[BaseTool] = []
        for kind, cls in classes.items():
            if kind in self.models:
                tools.append(cls(**{**settings, "model": self.models[kind]}))
            else:
                tools.append(cls(**settings))
        if any(not cls.waits for cls in classes.values()):
            tools.append(AIMLAPIGenerationStatusTool(**settings))
        return tools


def _schema(operation: str, model: str, fixed: Sequence[str]) -> type[BaseModel]:
    """The arguments that a chat model may choose, as the media model's documents list them."""
    fields: dict[str, Any] = {}
    for argument in arguments_of(operation, model, fixed):
        kind, default = (argument.type, ...) if argument.is_required else (argument.type | None, None)
        fields[argument.name] = (kind, Field(default=default, description=argument.description))
    return create_model(f"{operation}_arguments", **fields)


class _as_tool_errors:
    """Makes ToolExceptions of what the chat model can do better: refused arguments, and generations that failed.

    Args:
        more: further classes of errors of which it does.
    """

    def __init__(self, *more: type[AIMLAPIError]) -> None:
        self._kinds: tuple[type[AIMLAPIError], ...] = (InvalidRequestError, GenerationError, *more)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, self._kinds):
            raise ToolException(str(error)) from error
