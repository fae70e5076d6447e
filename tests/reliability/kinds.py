"""The two frameworks' chat models in one form, for what happens around calls rather than in them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

KEY = "sk-test-0123456789abcdef"


@dataclass(frozen=True)
class Kind:
    """How to make a model of a framework, and to ask it."""

    name: str
    make: Callable[..., Any]
    own: tuple[str, str]  # the settings for HTTP clients of one's own, sync and async

    def __str__(self) -> str:
        return self.name

    def echo(self, url: str, **settings: Any) -> Any:
        """A model that says back what it is told."""
        return self.make("fault-echo", url, **settings)

    def ask(self, model: Any, text: str = "Hi") -> str:
        if self.name == "langchain":
            return str(model.invoke(text).text)
        from llama_index.core.base.llms.types import ChatMessage

        return str(model.chat([ChatMessage(text)]).message.content)

    async def aask(self, model: Any, text: str = "Hi") -> str:
        if self.name == "langchain":
            return str((await model.ainvoke(text)).text)
        from llama_index.core.base.llms.types import ChatMessage

        return str((await model.achat([ChatMessage(text)])).message.content)

    def stream(self, model: Any, text: str = "Hi") -> Iterator[Any]:
        """The pieces, as the framework's own generator."""
        if self.name == "langchain":
            stream: Iterator[Any] = model.stream(text)
            return stream
        from llama_index.core.base.llms.types import ChatMessage

        pieces: Iterator[Any] = model.stream_chat([ChatMessage(text)])
        return pieces

    async def astream(self, model: Any, text: str = "Hi") -> AsyncGenerator[str, None]:
        if self.name == "langchain":
            async with aclosing(model.astream(text)) as chunks:
                async for chunk in chunks:
                    yield chunk.text
            return
        from llama_index.core.base.llms.types import ChatMessage

        async with aclosing(await model.astream_chat([ChatMessage(text)])) as responses:
            async for response in responses:
                yield response.delta or ""

    def dumps(self, model: Any) -> str:
        """The framework's own serialization."""
        if self.name == "langchain":
            from langchain_core.load import dumps

            return dumps(model)
        return str(model.to_json())

    def loads(self, text: str) -> Any:
        if self.name == "langchain":
            from langchain_core.load import loads

            from langchain_aimlapi import ChatAIMLAPI

            return loads(text, valid_namespaces=["langchain_aimlapi"], allowed_objects=[ChatAIMLAPI])
        from llama_index_aimlapi import AIMLAPI

        return AIMLAPI.from_json(text)

    def shown(self, model: Any) -> str:
        """All texts a model is turned into without being asked for its key."""
        texts = [repr(model), str(model), format(model), repr(vars(model)), repr(dict(model)), self.dumps(model)]
        texts += [
            model.model_dump_json(),
            repr(model.model_dump()),
            repr(model.__repr_args__()),
            json.dumps(_schema(model)),
        ]
        if self.name == "langchain":
            texts += [repr(model._identifying_params), repr(model.lc_attributes), repr(model.to_json())]
            texts += [repr(model._get_ls_params()), repr(model.bind(stop=["x"]))]
        else:
            texts += [repr(model.to_dict()), repr(model.metadata), repr(model.to_payload())]
        return "\n".join(texts)


def _schema(model: Any) -> Any:
    return {name: field.description for name, field in type(model).model_fields.items()}


def chat(model: str, base_url: str, *, headers: dict[str, str] | None = None, **settings: Any) -> Any:
    """A ChatAIMLAPI. Each framework is imported where it is asked for: programs of the checks need but one."""
    from langchain_aimlapi import ChatAIMLAPI

    settings.setdefault("api_key", KEY)
    return ChatAIMLAPI(model=model, base_url=base_url, default_headers=headers, **settings)


def llm(model: str, base_url: str, *, headers: dict[str, str] | None = None, **settings: Any) -> Any:
    """An AIMLAPI."""
    from llama_index_aimlapi import AIMLAPI

    settings.setdefault("api_key", KEY)
    return AIMLAPI(model=model, api_base=base_url, default_headers=headers, **settings)


KINDS = {
    "langchain": Kind("langchain", chat, ("http_client", "http_async_client")),
    "llama_index": Kind("llama_index", llm, ("http_client", "async_http_client")),
}
