"""The calls of both frameworks, in one form: what came of a call, as a value that tests compare.

A form is a framework and one of its calls. To add one, add a row to FORMS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.exceptions import ModelError
from langchain_core.messages import AIMessage, AIMessageChunk
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms.llm import ToolSelection

from aimlapi_transport.client import AsyncClient, Client
from aimlapi_transport.errors import AIMLAPIError
from langchain_aimlapi import AIMLAPIEmbeddings
from llama_index_aimlapi import AIMLAPIEmbedding
from llama_index_aimlapi.errors import ToolCallError
from tests.reliability.kinds import KEY, chat, llm


@dataclass(frozen=True)
class Came:
    """What came of a call: an answer, or an error (`kind` names its class)."""

    kind: str = "answer"
    text: str = ""
    calls: tuple[tuple[str, str, Any], ...] = ()  # id, name, arguments
    broken: tuple[str, ...] = ()  # raw arguments of calls that must not be run
    finish: str | None = None
    error: AIMLAPIError | None = field(default=None, compare=False)


Answered = Callable[[Any, str], Came]


@dataclass(frozen=True)
class Form:
    """One call of one framework: how to make the model, and how to call it."""

    framework: str
    name: str
    kind: str  # whole, stream or embed
    make: Callable[..., Any]
    call: Callable[[Any, str], Any]
    is_async: bool

    def __str__(self) -> str:
        return f"{self.framework}.{self.name}"

    def came(self, model: Any, text: str = "Hi") -> Came:
        """What came of one call; for an async form in a loop of its own."""
        return came(lambda: asyncio.run(self.call(model, text)) if self.is_async else self.call(model, text))


def came(call: Callable[[], Came]) -> Came:
    """An answer, or an error of ours; anything else flies on."""
    try:
        return call()
    except AIMLAPIError as error:
        partial = error.partial.text if error.partial else ""
        return Came(kind=type(error).__name__, text=partial, error=error)


def _langchain(message: AIMessage | AIMessageChunk) -> Came:
    return Came(
        text=message.text,
        calls=tuple((call["id"] or "", call["name"], call["args"]) for call in message.tool_calls),
        broken=tuple(call["args"] or "" for call in message.invalid_tool_calls),
        finish=message.response_metadata.get("finish_reason"),
    )


def _invoke(model: Any, text: str) -> Came:
    return _langchain(model.invoke(text))


def _stream(model: Any, text: str) -> Came:
    return _langchain(_sum(list(model.stream(text))))


async def _ainvoke(model: Any, text: str) -> Came:
    return _langchain(await model.ainvoke(text))


async def _astream(model: Any, text: str) -> Came:
    return _langchain(_sum([chunk async for chunk in model.astream(text)]))


def _sum(chunks: list[Any]) -> Any:
    """Text is joined first: LangChain adds 20,000 chunks in quadratic time."""
    text = "".join(chunk.text for chunk in chunks)
    rest = [chunk for chunk in chunks[:-1] if chunk.tool_call_chunks or "finish_reason" in chunk.response_metadata]
    rest.append(chunks[-1])
    whole = rest[0]
    for chunk in rest[1:]:
        whole = whole + chunk
    return whole.model_copy(update={"content": text})


def _llama_index(llm: Any, response: ChatResponse) -> Came:
    calls: list[ToolSelection] = []
    broken: tuple[str, ...] = ()
    try:
        calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    except ToolCallError as error:
        broken = (str(error),)
    choices = response.raw.get("choices") if isinstance(response.raw, dict) else None
    return Came(
        text=response.message.content or "",
        calls=tuple((call.tool_id, call.tool_name, call.tool_kwargs) for call in calls),
        broken=broken,
        finish=choices[0].get("finish_reason") if choices else None,
    )


def _chat(llm: Any, text: str) -> Came:
    return _llama_index(llm, llm.chat([ChatMessage(text)]))


def _stream_chat(llm: Any, text: str) -> Came:
    return _llama_index(llm, list(llm.stream_chat([ChatMessage(text)]))[-1])


async def _achat(llm: Any, text: str) -> Came:
    return _llama_index(llm, await llm.achat([ChatMessage(text)]))


async def _astream_chat(llm: Any, text: str) -> Came:
    return _llama_index(llm, [response async for response in await llm.astream_chat([ChatMessage(text)])][-1])


def _embed(model: Any, text: str) -> Came:
    return _vectors(model.embed_documents([text, "another"]))


async def _aembed(model: Any, text: str) -> Came:
    return _vectors(await model.aembed_documents([text, "another"]))


def _embed_batch(model: Any, text: str) -> Came:
    return _vectors(model.get_text_embedding_batch([text, "another"]))


async def _aembed_batch(model: Any, text: str) -> Came:
    return _vectors(await model.aget_text_embedding_batch([text, "another"]))


def _vectors(vectors: list[list[float]]) -> Came:
    return Came(text=f"{len(vectors)} vectors of {len(set(map(len, vectors)))} length")


def embeddings(
    model: str, base_url: str, *, headers: dict[str, str] | None = None, **settings: Any
) -> AIMLAPIEmbeddings:
    settings.setdefault("api_key", KEY)
    return AIMLAPIEmbeddings(model=model, base_url=base_url, default_headers=headers, **settings)


def embedding(model: str, base_url: str, *, headers: dict[str, str] | None = None, **settings: Any) -> AIMLAPIEmbedding:
    settings.setdefault("api_key", KEY)
    return AIMLAPIEmbedding(model=model, api_base=base_url, default_headers=headers, **settings)


FORMS = (
    Form("langchain", "invoke", "whole", chat, _invoke, False),
    Form("langchain", "stream", "stream", chat, _stream, False),
    Form("langchain", "ainvoke", "whole", chat, _ainvoke, True),
    Form("langchain", "astream", "stream", chat, _astream, True),
    Form("llama_index", "chat", "whole", llm, _chat, False),
    Form("llama_index", "stream_chat", "stream", llm, _stream_chat, False),
    Form("llama_index", "achat", "whole", llm, _achat, True),
    Form("llama_index", "astream_chat", "stream", llm, _astream_chat, True),
    Form("langchain", "embed_documents", "embed", embeddings, _embed, False),
    Form("langchain", "aembed_documents", "embed", embeddings, _aembed, True),
    Form("llama_index", "embed_batch", "embed", embedding, _embed_batch, False),
    Form("llama_index", "aembed_batch", "embed", embedding, _aembed_batch, True),
)


@contextmanager
def pauses(injected: bool = True) -> Iterator[list[float]]:
    """Back-off takes no time inside, and its seconds are noted: models make their clients themselves."""
    noted: list[float] = []
    if not injected:
        yield noted
        return

    async def asleep(seconds: float) -> None:
        noted.append(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Client.__init__.__kwdefaults__, "sleep", noted.append)
        patch.setitem(AsyncClient.__init__.__kwdefaults__, "sleep", asleep)
        yield noted


def is_typed(form: Form, error: Exception) -> bool:
    """Ours, and in LangChain also theirs, so that one `except` catches every failure."""
    return isinstance(error, AIMLAPIError) and (form.framework != "langchain" or isinstance(error, ModelError))
