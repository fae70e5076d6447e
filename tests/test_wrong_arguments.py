"""Arguments of a call that have the wrong type: one class of error, which names the argument, and nothing is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from llama_index.core.llms import ChatMessage

from aimlapi_transport import Client
from aimlapi_transport.errors import InvalidRequestError
from langchain_aimlapi import AIMLAPIEmbeddings, ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI, AIMLAPIEmbedding

NOWHERE: dict[str, Any] = {"api_key": "k", "base_url": "http://127.0.0.1:9/v1", "max_retries": 0}
QUESTION = [ChatMessage(content="Hello", role="user")]


def _langchain(**settings: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(model="openai/gpt-4o", **NOWHERE, **settings)


def _llama_index(**settings: Any) -> AIMLAPI:
    return AIMLAPI("openai/gpt-4o", **NOWHERE, **settings)


async def _all(stream: Any) -> None:
    async for _ in stream:
        pass


async def _awaited(stream: Any) -> None:
    await _all(await stream)


CALLS: list[Callable[..., Any]] = [
    lambda **call: _langchain().invoke("Hello", **call),
    lambda **call: list(_langchain().stream("Hello", **call)),
    lambda **call: asyncio.run(_langchain().ainvoke("Hello", **call)),
    lambda **call: asyncio.run(_all(_langchain().astream("Hello", **call))),
    lambda **call: _llama_index().chat(QUESTION, **call),
    lambda **call: list(_llama_index().stream_chat(QUESTION, **call)),
    lambda **call: asyncio.run(_llama_index().achat(QUESTION, **call)),
    lambda **call: asyncio.run(_awaited(_llama_index().astream_chat(QUESTION, **call))),
    lambda **call: _llama_index(additional_kwargs=call).complete("Hello"),
]


@pytest.mark.parametrize("use_responses_api", [False, True])
@pytest.mark.parametrize("name", ["stop", "tools", "extra_body", "extra_headers", "extra_query"])
def test_a_value_of_the_wrong_type_names_its_argument(name: str, use_responses_api: bool) -> None:
    for call in CALLS:
        with pytest.raises(InvalidRequestError, match=f"`{name}` is "):
            call(**{name: 5}, use_responses_api=use_responses_api)


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        ({"name": "f", "parameters": "x"}, "`parameters` of the tool `f` are 'x': pass a JSON schema"),
        ({"name": "f", "input_schema": 5}, "`parameters` of the tool `f` are 5: pass a JSON schema"),
        ({"type": "function", "function": "x"}, "`function` of a tool is 'x': pass an object with a `name`"),
        ("f", "a definition in the form of the API"),
    ],
)
def test_a_tool_of_the_wrong_type_is_named(tool: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        _langchain().bind_tools([tool])


@pytest.mark.parametrize("use_responses_api", [False, True])
@pytest.mark.parametrize("messages", [5, "Hello", {"role": "user", "content": "Hello"}])
def test_messages_that_are_no_list_are_named_as_a_whole(messages: Any, use_responses_api: bool) -> None:
    client = Client(**NOWHERE)
    with pytest.raises(InvalidRequestError, match=r"`messages` is .*: pass a list"):
        client.chat("openai/gpt-4o", messages, use_responses_api=use_responses_api)
    with pytest.raises(InvalidRequestError, match=r"`messages` is .*: pass a list"):
        list(client.stream_chat("openai/gpt-4o", messages, use_responses_api=use_responses_api))


def test_one_tool_is_no_list_of_tools() -> None:
    with pytest.raises(InvalidRequestError, match="pass a list of tools"):
        _llama_index().chat_with_tools({"type": "web_search"}, "Hello")  # type: ignore[arg-type]  # the mistake


SECRET = "sk-of-somebody"
EVERYWHERE: list[Callable[..., Any]] = [
    *CALLS,
    lambda **call: _langchain(use_responses_api=True).bind(**call).invoke("Hello"),
    lambda **call: _llama_index(use_responses_api=True).complete("Hello", **call),
    lambda **call: Client(**NOWHERE).chat("m", [{"role": "user", "content": "Hello"}], **call),
    lambda **call: AIMLAPIEmbeddings(model="m", **NOWHERE).embed_query("Hello", **call),
    lambda **call: AIMLAPIEmbedding("m", **NOWHERE, additional_kwargs=call).get_text_embedding("Hello"),
]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_key", SECRET),
        ("openai_api_key", SECRET),
        ("base_url", f"https://user:{SECRET}@127.0.0.1"),
        ("default_headers", {"x-team": SECRET}),
        ("default_query", {"team": SECRET}),
        ("proxy", f"http://user:{SECRET}@127.0.0.1"),
        ("max_retries", 3),
        ("http_client", object()),
    ],
)
@pytest.mark.parametrize("ask", EVERYWHERE)
def test_a_setting_of_the_connection_is_no_argument_of_a_call(ask: Callable[..., Any], name: str, value: Any) -> None:
    """It would be sent in the body."""
    with pytest.raises(InvalidRequestError, match="is not an argument of a call: pass") as caught:
        ask(**{name: value})
    assert SECRET not in str(caught.value)


def test_a_setting_of_the_connection_in_a_call_is_in_no_trace() -> None:
    shown: list[str] = []

    class Tracer(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            shown.append(repr(kwargs))

    model: Any = ChatAIMLAPI(model="m", api_key="k")
    for name in ("api_key", "proxy"):
        with pytest.raises(InvalidRequestError):
            model.invoke("Hi", {"callbacks": [Tracer()]}, **{name: SECRET})
    assert len(shown) == 2
    assert SECRET not in str(shown)
