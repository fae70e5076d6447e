"""Errors as users meet them: one tree under each name, public and picklable classes, and what to try again."""

from __future__ import annotations

import ast
import asyncio
import inspect
import itertools
import pickle
import pkgutil
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import langchain_aimlapi.errors
import langchain_aimlapi.stream_errors
import llama_index_aimlapi.errors
from aimlapi_transport import errors, stream_errors
from aimlapi_transport.errors import AIMLAPIError
from langchain_aimlapi import ChatAIMLAPI
from llama_index_aimlapi import AIMLAPI
from tests.scripted import DONE, Act, chunk, event, scripted, stream

PACKAGES = ("aimlapi_transport", "langchain_aimlapi", "llama_index_aimlapi", "aimlapi_batch")
PAIRS = [
    (errors, langchain_aimlapi.errors),
    (errors, llama_index_aimlapi.errors),
    (stream_errors, langchain_aimlapi.stream_errors),
]


def kinds(module: ModuleType) -> dict[str, type[AIMLAPIError]]:
    named = {name: getattr(module, name) for name in module.__all__}
    return {name: kind for name, kind in named.items() if inspect.isclass(kind) and issubclass(kind, AIMLAPIError)}


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda module: str(module.__name__))
def test_both_modules_have_the_same_tree(one: ModuleType, other: ModuleType) -> None:
    ours, theirs = kinds(one), kinds(other)
    assert ours.keys() <= theirs.keys()
    for name, kind in ours.items():
        assert issubclass(theirs[name], kind)
        assert theirs[name].is_retryable is kind.is_retryable, name
    for first, second in itertools.product(ours, repeat=2):
        assert issubclass(ours[first], ours[second]) is issubclass(theirs[first], theirs[second]), (first, second)


@pytest.mark.parametrize("module", [langchain_aimlapi.stream_errors, stream_errors])
def test_what_a_stream_reports_is_of_its_kind_and_a_stream_error(module: ModuleType) -> None:
    base: Any = langchain_aimlapi.errors if module is langchain_aimlapi.stream_errors else errors
    for name, kind in kinds(module).items():
        assert issubclass(kind, getattr(base, name)) and issubclass(kind, base.StreamError)
        assert kind.is_retryable is getattr(base, name).is_retryable


def test_only_what_langgraph_must_not_try_again_is_a_value_error() -> None:
    assert not [
        kind for module in (errors, stream_errors) for kind in kinds(module).values() if issubclass(kind, ValueError)
    ]
    wrong = {name for name, kind in kinds(langchain_aimlapi.errors).items() if issubclass(kind, ValueError)}
    assert wrong == {"InvalidRequestError", "ContextLengthError"}


def public_classes() -> list[type]:
    found: dict[type, None] = {}
    for package in map(import_module, PACKAGES):
        names = [
            package.__name__,
            *(each.name for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")),
        ]
        for name in names:
            if any(part.startswith("_") for part in name.split(".")):
                continue
            module = import_module(name)
            for public in getattr(module, "__all__", ()):
                if inspect.isclass(value := getattr(module, public)):
                    found[value] = None
    return list(found)


def test_public_classes_are_of_public_modules() -> None:
    hidden = [kind for kind in public_classes() if any(part.startswith("_") for part in kind.__module__.split("."))]
    assert not hidden
    for kind in public_classes():
        assert pickle.loads(pickle.dumps(kind)) is kind


@pytest.mark.parametrize("module", [errors, stream_errors, *(other for _, other in PAIRS)], ids=lambda m: m.__name__)
def test_a_type_checker_sees_each_error_as_a_class(module: ModuleType) -> None:
    named: set[str] = set()
    public: list[str] = []
    for statement in ast.parse(inspect.getsource(module)).body:
        if isinstance(statement, ast.ClassDef):
            named.add(statement.name)
        elif isinstance(statement, ast.ImportFrom):
            named.update(alias.asname or alias.name for alias in statement.names)
        elif isinstance(statement, ast.Assign):
            named.add(name := ast.unparse(statement.targets[0]))
            public = ast.literal_eval(statement.value) if name == "__all__" else public
    assert public == module.__all__ and kinds(module).keys() <= named


@pytest.mark.parametrize("module", [errors, stream_errors, *(other for _, other in PAIRS)], ids=lambda m: m.__name__)
def test_errors_survive_a_pickle(module: ModuleType) -> None:
    for kind in kinds(module).values():
        copied = pickle.loads(pickle.dumps(kind("m", status_code=418, request_id="r", is_retryable=True)))
        assert (type(copied), copied.message, copied.status_code, copied.is_retryable) == (kind, "m", 418, True)


def langchain_stream(url: str, **settings: Any) -> None:
    list(ChatAIMLAPI(model="openai/gpt-4o", base_url=url, api_key="k", max_retries=0, **settings).stream("Hi"))


async def langchain_astream(url: str, **settings: Any) -> None:
    model = ChatAIMLAPI(model="openai/gpt-4o", base_url=url, api_key="k", max_retries=0, **settings)
    async for _ in model.astream("Hi"):
        pass


def langchain_streaming(url: str, **settings: Any) -> None:
    model = ChatAIMLAPI(model="openai/gpt-4o", base_url=url, api_key="k", max_retries=0, streaming=True, **settings)
    model.invoke("Hi")


def llama_index_stream(url: str, **settings: Any) -> None:
    list(AIMLAPI("openai/gpt-4o", api_base=url, api_key="k", max_retries=0, **settings).stream_complete("Hi"))


async def llama_index_astream(url: str, **settings: Any) -> None:
    model = AIMLAPI("openai/gpt-4o", api_base=url, api_key="k", max_retries=0, **settings)
    async for _ in await model.astream_complete("Hi"):
        pass


STREAMS = [langchain_stream, langchain_astream, langchain_streaming, llama_index_stream, llama_index_astream]


def asked(form: Callable[..., Any], url: str, **settings: Any) -> None:
    done = form(url, **settings)
    if inspect.isawaitable(done):
        asyncio.run(done)  # type: ignore[arg-type]  # a coroutine


def responses_piece(text: str) -> bytes:
    return event(
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "item_id": "m", "delta": text}
    )


@pytest.mark.parametrize("form", STREAMS)
@pytest.mark.parametrize("responses", [False, True])
@pytest.mark.parametrize(
    ("failure", "kind", "retryable"),
    [
        ({"message": "Busy", "code": 503}, errors.ServerError, True),
        ({"message": "Slow down", "code": 429}, errors.RateLimitError, True),
        ({"message": "Not so", "code": 400}, errors.InvalidRequestError, False),
        ({"message": "No more", "code": 402}, errors.InsufficientCreditsError, False),
        ({"message": "Something"}, errors.StreamError, True),
        ({"message": "prompt is too long: 9 tokens > 8 maximum"}, errors.ContextLengthError, False),
        (None, errors.IncompleteStreamError, True),
    ],
)
def test_an_error_in_a_stream_is_a_stream_error(
    form: Callable[..., Any], responses: bool, failure: Any, kind: type[AIMLAPIError], retryable: bool
) -> None:
    """Its kind says what happened, and `is_retryable` whether the caller may ask again, whatever had come."""
    begun = responses_piece("He") if responses else chunk("He")
    said = {"type": "error", "error": failure} if responses else {"error": failure}
    act = stream(begun, end="cut") if failure is None else stream(begun, event(said))
    with scripted(act) as server, pytest.raises(errors.StreamError) as caught:
        asked(form, server.base_url, use_responses_api=responses)
    assert isinstance(caught.value, kind) and caught.value.is_retryable is retryable
    assert caught.value.partial.text == "He"
    module: Any = langchain_aimlapi.errors if "langchain" in form.__name__ else errors
    assert isinstance(caught.value, getattr(module, kind.__name__)) and isinstance(caught.value, module.StreamError)
    assert len(server.received) == 1


PIECES = (chunk("Hel"), chunk("lo", finish="stop"), DONE)
CUT_THEN_WHOLE: tuple[Act, ...] = (stream(chunk("He"), end="cut"), stream(*PIECES))


def test_langchain_asks_again_after_a_cut_stream() -> None:
    with scripted(*CUT_THEN_WHOLE) as server:
        model = ChatAIMLAPI(model="openai/gpt-4o", base_url=server.base_url, api_key="k", streaming=True)
        assert model.with_retry(stop_after_attempt=2, wait_exponential_jitter=False).invoke("Hi").content == "Hello"
    assert len(server.received) == 2


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_an_agent_asks_again_after_a_cut_stream(way: str) -> None:
    from langchain.agents import create_agent
    from langchain.agents.middleware import ModelRetryMiddleware

    with scripted(*CUT_THEN_WHOLE) as server:
        model = ChatAIMLAPI(model="openai/gpt-4o", base_url=server.base_url, api_key="k", streaming=True)
        again: Any = ModelRetryMiddleware(max_retries=1, initial_delay=0, jitter=False, on_failure="error")
        agent: Any = create_agent(model, middleware=[again])
        state = {"messages": [{"role": "user", "content": "Hi"}]}
        done = agent.invoke(state) if way == "invoke" else asyncio.run(agent.ainvoke(state))
    assert done["messages"][-1].content == "Hello"
    assert len(server.received) == 2


def test_a_workflow_asks_again_after_a_cut_stream() -> None:
    from workflows import Workflow, step
    from workflows.events import StartEvent, StopEvent
    from workflows.retry_policy import retry_policy, stop_after_attempt, wait_fixed

    with scripted(*CUT_THEN_WHOLE) as server:
        llm = AIMLAPI("openai/gpt-4o", api_base=server.base_url, api_key="k")

        class Asking(Workflow):
            @step(retry_policy=retry_policy(wait=wait_fixed(0), stop=stop_after_attempt(2)))
            async def ask(self, begun: StartEvent) -> StopEvent:
                last = None
                async for response in await llm.astream_complete("Hi"):
                    last = response
                return StopEvent(result=str(last))

        async def run() -> Any:
            return await Asking(timeout=30).run()

        assert asyncio.run(run()) == "Hello"
    assert len(server.received) == 2
