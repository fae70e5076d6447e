"""LangChain's standard suites as our chat model declares itself to them: every flag the wire allows.

Three models stand for what differs: one that sees and reads files, one that hears and speaks, one that reasons.
The pictures, sounds and papers the suites fetch from the web are bytes made here.
"""

from __future__ import annotations

import base64
import io
import itertools
import uuid
import wave
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.utils import function_calling
from langchain_tests.integration_tests import ChatModelIntegrationTests, chat_models
from langchain_tests.unit_tests import ChatModelUnitTests

from langchain_aimlapi import ChatAIMLAPI

ROUTED = "nvidia/nemotron-3-nano-30b-a3b"  # tells cache reads and writes
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"


def wav() -> bytes:
    """A tenth of a second of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\0\0" * 800)
    return file.getvalue()


def download(url: str, **_: Any) -> httpx.Response:
    """What the suites' `httpx.get` gives: no request is made."""
    data = PDF if url.endswith(".pdf") else wav() if url.endswith((".wav", ".mp3", ".ogg")) else PNG
    return httpx.Response(200, content=data)


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing from the web, and nothing random in a request: LangChain gives its examples' calls random ids."""
    ids = (uuid.UUID(int=number) for number in itertools.count())
    monkeypatch.setattr(function_calling, "uuid", SimpleNamespace(uuid4=lambda: next(ids)))
    monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "offline")
    monkeypatch.setattr(chat_models.httpx, "get", download)


class UnitSuite(ChatModelUnitTests):
    """Construction, binding and what tracers are told."""

    @property
    def chat_model_class(self) -> type[ChatAIMLAPI]:
        return ChatAIMLAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "openai/gpt-4o"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {"AIMLAPI_API_KEY": "api_key", "AIMLAPI_API_BASE": "https://base.example/v1"}
        read = {"aimlapi_api_key": "api_key", "aimlapi_api_base": "https://base.example/v1"}
        return environment, self.chat_model_params, read

    @pytest.mark.xfail(reason='`allowed_objects="all"` reads only classes that LangChain lists itself', strict=True)
    def test_serdes(self, model: BaseChatModel, snapshot: Any) -> None:
        """What is written is read back with `allowed_objects=[ChatAIMLAPI]`: see test_serialization."""
        super().test_serdes(model, snapshot)


class Suite(ChatModelIntegrationTests):
    """What all three models can do."""

    id = "openai/gpt-4o"
    override = "gpt-4o-mini"

    @property
    def chat_model_class(self) -> type[ChatAIMLAPI]:
        return ChatAIMLAPI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.id}

    @property
    def model_override_value(self) -> str:
        return self.override

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def enable_vcr_tests(self) -> bool:
        return True

    @property
    def supported_usage_metadata_details(self) -> Any:
        details = ["audio_input", "audio_output", "reasoning_output", "cache_read_input", "cache_creation_input"]
        return {"invoke": details, "stream": details}

    def asked(self, content: Any, stream: bool, **settings: Any) -> AIMessage:
        """The answer of this suite's model, whole or added up."""
        model = self.chat_model_class(**{**self.chat_model_params, **settings})
        if not stream:
            return model.invoke([HumanMessage(content)])
        parts = list(model.stream([HumanMessage(content)]))
        total: AIMessageChunk = parts[0]
        for part in parts[1:]:
            total += part
        return total

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        sound = {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav()).decode(), "format": "wav"}}
        return self.asked([{"type": "text", "text": "What is that?"}, sound], stream, model=AudioSuite.id)

    def invoke_with_audio_output(self, *, stream: bool = False) -> AIMessage:
        spoken = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16" if stream else "wav"}}
        return self.asked("Say hello.", stream, model=AudioSuite.id, model_kwargs=spoken)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self.asked("Which is larger, 9.9 or 9.11?", stream, model=ReasoningSuite.id)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self.asked("Remember this. " * 50, stream, model=ROUTED)

    def invoke_with_cache_creation_input(self, *, stream: bool = False) -> AIMessage:
        return self.asked("Remember this. " * 50, stream, model=ROUTED)


class SeeingSuite(Suite):
    """A model for pictures and papers, in messages and in tool results."""

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True


class AudioSuite(Suite):
    """A model that hears and speaks."""

    id = "gpt-4o-audio-preview"
    override = "gpt-4o-mini-audio-preview"

    @property
    def supports_audio_inputs(self) -> bool:
        return True


class ReasoningSuite(Suite):
    """A model that thinks before it answers."""

    id = "deepseek/deepseek-v4-pro"
    override = "gpt-4o-mini"

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True


class ResponsesSuite(SeeingSuite):
    """A model under /v1/responses; what that endpoint does not do (sound, told cache writes) chat completions do."""

    id = "openai/gpt-4o"
    override = "gpt-4o-mini"

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": self.id, "use_responses_api": True}

    def invoke_with_audio_output(self, *, stream: bool = False) -> AIMessage:
        spoken = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16" if stream else "wav"}}
        chat = {"model": AudioSuite.id, "use_responses_api": False}
        return self.asked("Say hello.", stream, model_kwargs=spoken, **chat)

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        sound = {"type": "input_audio", "input_audio": {"data": base64.b64encode(wav()).decode(), "format": "wav"}}
        content = [{"type": "text", "text": "What is that?"}, sound]
        return self.asked(content, stream, model=AudioSuite.id, use_responses_api=False)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self.asked(
            "Which is larger, 9.9 or 9.11?", stream, model="openai/gpt-5-pro", reasoning={"summary": "auto"}
        )

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self.asked("Remember this. " * 50, stream, model=ROUTED, use_responses_api=False)

    def invoke_with_cache_creation_input(self, *, stream: bool = False) -> AIMessage:
        return self.asked("Remember this. " * 50, stream, model=ROUTED, use_responses_api=False)


SUITES = (SeeingSuite, AudioSuite, ReasoningSuite)
