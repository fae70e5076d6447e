"""The class names of the older distribution `langchain-aimlapi`, for programs that are not moved over yet.

Each warns once that it is deprecated, and does its work by the class that took its place. What differs is in the guide
"Coming from another class".
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from typing import Any, ClassVar

import langchain_aimlapi._framework  # noqa: F401  # says what to install where it is missing

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.llms import LLM
from langchain_core.outputs import GenerationChunk
from pydantic import ConfigDict, Field, SecretStr, model_validator

from aimlapi_transport.media.fields import COMMON_NAMES
from aimlapi_transport.media.operations import model_facts
from aimlapi_transport.media.values import MediaResult
from aimlapi_transport.user_warnings import stacklevel
from langchain_aimlapi._media import MediaSettings
from langchain_aimlapi.chat_models import ChatAIMLAPI
from langchain_aimlapi.embeddings import AIMLAPIEmbeddings

__all__ = ["AimlapiEmbeddings", "AimlapiImageModel", "AimlapiLLM", "AimlapiVideoModel", "ChatAimlapi"]

# Source: langchain-aimlapi 0.1.3, which sent them with each request.
_HEADERS = {
    "HTTP-Referer": "https://github.com/langchain-ai/langchain",
    "X-Title": "LangChain",
    "X-AIMLAPI-Partner-ID": "part_18CxLUehxepR5hLOIyrIXbv0",
    "X-AIMLAPI-Source": "agent/langchain",
}

_warned: set[str] = set()


def __getattr__(name: str) -> Any:
    if name != "AIMLAPI_HEADERS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _warn(name, "default_headers")
    return dict(_HEADERS)


def _warn(name: str, successor: str) -> None:
    if name not in _warned:
        _warned.add(name)
        message = f"`{name}` is the name of an older package: use `{successor}`."
        warnings.warn(message, DeprecationWarning, stacklevel=stacklevel())


class ChatAimlapi(ChatAIMLAPI):
    """`ChatAIMLAPI` under its older name. Deprecated."""

    @model_validator(mode="before")
    @classmethod
    def _deprecated(cls, values: Any) -> Any:
        _warn("ChatAimlapi", "ChatAIMLAPI")
        if isinstance(values, dict) and not values.keys() & {"model", "model_name"}:
            return {**values, "model": "openai/gpt-4o"}
        return values


class AimlapiEmbeddings(AIMLAPIEmbeddings):
    """`AIMLAPIEmbeddings` under its older name. Deprecated."""

    @model_validator(mode="before")
    @classmethod
    def _deprecated(cls, values: Any) -> Any:
        _warn("AimlapiEmbeddings", "AIMLAPIEmbeddings")
        if isinstance(values, dict) and not values.keys() & {"model", "model_name"}:
            return {**values, "model": "text-embedding-3-small"}
        return values


class AimlapiLLM(LLM):
    """A text in, a text out, by a chat model. Deprecated: `ChatAIMLAPI(...) | StrOutputParser()` does the same.

    Args:
        model: id of the chat model; further settings are those of `ChatAIMLAPI`.
    """

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model: str = "openai/gpt-4o"
    api_key: SecretStr | None = Field(default=None, alias="aimlapi_api_key", exclude=True, repr=False)

    def __init__(self, **settings: Any) -> None:
        _warn("AimlapiLLM", "ChatAIMLAPI")
        for name, field in (("api_key", "aimlapi_api_key"), ("model_name", "model")):
            if name in settings:
                settings[field] = settings.pop(name)
        super().__init__(**settings)

    @cached_property
    def _chat(self) -> ChatAIMLAPI:
        return ChatAIMLAPI(model=self.model, api_key=self.api_key, **(self.model_extra or {}))

    @property
    def _llm_type(self) -> str:
        return "aimlapi"

    def _call(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> str:
        return self._chat.invoke(prompt, stop=stop, **kwargs).text

    async def _acall(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> str:
        return (await self._chat.ainvoke(prompt, stop=stop, **kwargs)).text

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        for chunk in self._chat.stream(prompt, stop=stop, **kwargs):
            yield GenerationChunk(text=chunk.text)

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        async for chunk in self._chat.astream(prompt, stop=stop, **kwargs):
            yield GenerationChunk(text=chunk.text)


class _AddressModel(MediaSettings, LLM):
    """A prompt in, the address of what was made out."""

    operation: ClassVar[str]
    successor: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _deprecated(cls, values: Any) -> Any:
        _warn(cls.__name__, f"langchain_aimlapi.tools.{cls.successor}")
        if not isinstance(values, dict):
            return values
        facts = model_facts(values.get("model", cls.model_fields["model"].default))
        known = {*COMMON_NAMES, *(facts.fields if facts else ())} - cls.model_fields.keys()
        fields = {name: value for name, value in values.items() if name in known}  # `size`, `n`, ...
        rest = {name: value for name, value in values.items() if name not in known}
        return {**rest, "parameters": {**fields, **values.get("parameters", {})}}

    def _call(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> str:
        return _addresses(self._make(self.operation, {"prompt": prompt, **kwargs}))[0]

    async def _acall(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> str:
        return _addresses(await self._amake(self.operation, {"prompt": prompt, **kwargs}))[0]


class AimlapiImageModel(_AddressModel):
    """Addresses of pictures by a prompt. Deprecated: use `AIMLAPIImageTool`, or `Client.images`."""

    operation: ClassVar[str] = "images"
    successor: ClassVar[str] = "AIMLAPIImageTool"
    model: str = "openai/gpt-image-1"

    @property
    def _llm_type(self) -> str:
        return "aimlapi-image"

    def generate_images(
        self, prompt: str, n: int | None = None, size: str | None = None, response_format: str | None = None
    ) -> list[str]:
        """The addresses of pictures, or their base64 text with `response_format="b64_json"`."""
        arguments = _arguments(prompt, n=n, size=size, response_format=response_format)
        return _addresses(self._make("images", arguments))

    async def agenerate_images(
        self, prompt: str, n: int | None = None, size: str | None = None, response_format: str | None = None
    ) -> list[str]:
        """As `generate_images`, without blocking the event loop."""
        arguments = _arguments(prompt, n=n, size=size, response_format=response_format)
        return _addresses(await self._amake("images", arguments))


class AimlapiVideoModel(_AddressModel):
    """The address of a video by a prompt. Deprecated: use `AIMLAPIVideoTool`, or `Client.video`."""

    operation: ClassVar[str] = "video"
    successor: ClassVar[str] = "AIMLAPIVideoTool"
    model: str = "google/veo3"
    provider: str | None = Field(default=None, description="Without effect: the model's id says it.")

    @property
    def _llm_type(self) -> str:
        return "aimlapi-video"

    def generate_videos(self, prompt: str, n: int = 1, timeout: float | None = None, **kwargs: Any) -> list[str]:
        """The addresses of videos.

        Args:
            n: how many: each is an order of its own.
            timeout: seconds to wait for each; by default 20 minutes.
            kwargs: `poll_interval` and `response_format` have no effect; others are fields of the request.
        """
        films = self if timeout is None else self.model_copy(update={"wait_timeout": timeout})
        arguments = _arguments(prompt, **{**kwargs, "poll_interval": None, "response_format": None})
        return [address for _ in range(n) for address in _addresses(films._make("video", arguments))]

    async def agenerate_videos(self, prompt: str, n: int = 1, timeout: float | None = None, **kwargs: Any) -> list[str]:
        """As `generate_videos`, without blocking the event loop."""
        films = self if timeout is None else self.model_copy(update={"wait_timeout": timeout})
        arguments = _arguments(prompt, **{**kwargs, "poll_interval": None, "response_format": None})
        return [address for _ in range(n) for address in _addresses(await films._amake("video", arguments))]


def _arguments(prompt: str, **named: Any) -> dict[str, Any]:
    return {"prompt": prompt, **{name: value for name, value in named.items() if value is not None}}


def _addresses(result: MediaResult) -> list[str]:
    """The addresses of files; the base64 text of those that have none."""
    return [file.url or file.base64 or "" for file in result.files]
