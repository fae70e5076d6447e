"""What was bound before `bind_tools` or `with_structured_output` is sent, or an error says why not."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.load import dumpd
from langchain_core.runnables import ConfigurableField, Runnable

from langchain_aimlapi.errors import InvalidRequestError
from tests.langchain.host import Host, call, chunks, whole
from tests.langchain.structured import ADA, Person


def search(query: str) -> str:
    """Searches."""
    return query


def host_of(method: str, name: str = "Person") -> list[Host]:
    """The answer by this method, whole and streamed."""
    if method == "function_calling":
        calls = [call(0, "a", name, ADA)]
        return [Host(whole({"tool_calls": calls}, "tool_calls")), Host(chunks([{"tool_calls": calls}], "tool_calls"))]
    return [Host(whole({"content": ADA})), Host(chunks([{"content": ADA}]))]


def by_responses() -> list[Any]:
    item = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": ADA}]}
    return [{"id": "r", "object": "response", "status": "completed", "model": "m", "output": [item]}]


BOUND: dict[str, tuple[Any, dict[str, Any]]] = {
    "bind": (lambda model: model.bind(stop=["END"], top_p=0.5), {"stop": ["END"], "top_p": 0.5}),
    "bind twice": (lambda model: model.bind(stop=["END"]).bind(top_p=0.5), {"stop": ["END"], "top_p": 0.5}),
    "tools": (lambda model: model.bind_tools([search], parallel_tool_calls=False), {"tools": ["search"], "parallel_tool_calls": False}),
    "tools of all calls": (lambda model: model.model_copy(update={"model_kwargs": {"tools": [search]}}), {"tools": ["search"]}),
    "stop, then tools": (lambda model: model.bind(stop="END").bind_tools([search], tool_choice="auto"), {"stop": "END", "tools": ["search"], "tool_choice": "auto"}),
    "config, then stop": (lambda model: model.with_config(tags=["t"]).bind(stop="END"), {"stop": "END"}),
    "stop, then config": (lambda model: model.bind(stop="END").with_config(tags=["t"]), {"stop": "END"}),
    "listeners": (lambda model: model.bind(stop="END").with_listeners(on_start=lambda run: None), {"stop": "END"}),
    "listeners first": (lambda model: model.with_listeners(on_start=lambda run: None).bind(stop="END"), {"stop": "END"}),
    "retry": (lambda model: model.bind(stop="END").with_retry(stop_after_attempt=2), {"stop": "END"}),
    "fallbacks": (lambda model: model.bind(stop="END").with_fallbacks([model]), {"stop": "END"}),
    "a setting chosen": (
        lambda model: model.configurable_fields(temperature=ConfigurableField(id="t")).with_config(configurable={"t": 0.5}), {"temperature": 0.5},
    ),
    "a setting chosen, and stop": (
        lambda model: model.configurable_fields(temperature=ConfigurableField(id="t")).bind(stop="END").with_config(configurable={"t": 0.5}),
        {"temperature": 0.5, "stop": "END"},
    ),
    "a setting chosen, and tools": (
        lambda model: model.configurable_fields(temperature=ConfigurableField(id="t")).bind_tools([search]).with_config(configurable={"t": 0.5}),
        {"temperature": 0.5, "tools": ["search"]},
    ),
}  # fmt: skip


def sent(host: Host, names: Any) -> dict[str, Any]:
    body = host.bodies[-1]
    tools = [tool["function"]["name"] for tool in body.get("tools", ())]
    return {**{name: body.get(name) for name in names}, **({"tools": tools} if "tools" in names else {})}


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize("name", BOUND)
def test_what_was_bound_is_sent_with_the_schema(name: str, method: Any) -> None:
    bind, expected = BOUND[name]
    if method == "function_calling" and "tools" in expected:
        expected = {**expected, "tools": ["Person", *expected["tools"]]}
    for host in host_of(method):
        is_stream = isinstance(host.replies[0], list)
        chain = bind(host.model()).with_structured_output(Person, method=method)

        async def run(chain: Any = chain, is_stream: bool = is_stream) -> Any:
            return [one async for one in chain.astream("?")][-1] if is_stream else await chain.ainvoke("?")

        answers = [list(chain.stream("?"))[-1] if is_stream else chain.invoke("?"), asyncio.run(run())]
        assert answers == [Person(name="Ada")] * 2
        assert [sent(host, expected), len(host.bodies)] == [expected, 2]


@pytest.mark.parametrize("name", BOUND)
def test_what_was_bound_is_sent_under_responses_too(name: str) -> None:
    bind, expected = BOUND[name]
    host = Host(*by_responses())
    model = host.model(model="openai/gpt-4o", use_responses_api=True)
    assert bind(model).with_structured_output(Person, method="json_schema").invoke("?") == Person(name="Ada")
    body = host.bodies[-1]
    assert body["text"]["format"]["name"] == "Person"
    if "tools" in expected:
        assert [tool["name"] for tool in body["tools"]] == ["search"]
    assert body.get("temperature") == expected.get("temperature")


def test_a_setting_is_chosen_at_the_call_by_whichever_way_the_chosen_model_takes() -> None:
    host = Host(whole({"content": ADA}))
    model = host.model(model="openai/gpt-4o").configurable_fields(model_name=ConfigurableField(id="model"))
    chain: Any = model.with_structured_output(Person)
    assert chain.invoke("?") == Person(name="Ada")
    chosen = {"configurable": {"model": "deepseek/deepseek-reasoner-v3.1"}}
    assert chain.invoke("?", chosen) == chain.with_config(chosen).invoke("?") == Person(name="Ada")
    assert [("response_format" in body, body["model"]) for body in host.bodies] == [
        (True, "openai/gpt-4o"),
        (False, "deepseek/deepseek-reasoner-v3.1"),
        (False, "deepseek/deepseek-reasoner-v3.1"),
    ]
    tools: Any = model.bind_tools([search])  # type: ignore[attr-defined]  # it has what a model has
    tools.invoke("?", {"configurable": {"model": "openai/gpt-4o-mini"}})
    assert (host.bodies[-1]["model"], len(host.bodies[-1]["tools"])) == ("openai/gpt-4o-mini", 1)


def test_each_of_several_models_answers_in_the_shape() -> None:
    one, other = Host(whole({"content": ADA})), Host(whole({"content": ADA}))
    both: Any = one.model(model="openai/gpt-4o").configurable_alternatives(
        ConfigurableField(id="which"), other=other.model(model="openai/gpt-4o"), made=lambda: other.model(model="openai/gpt-4o")
    )  # fmt: skip
    chain = both.with_structured_output(Person)
    for which in ("default", "other", "made"):
        assert chain.invoke("?", {"configurable": {"which": which}}) == Person(name="Ada")
    assert [len(one.bodies), len(other.bodies)] == [1, 2]
    assert all("response_format" in body for body in [*one.bodies, *other.bodies])
    both.bind_tools([search]).invoke("?", {"configurable": {"which": "other"}})
    assert other.bodies[-1]["tools"][0]["function"]["name"] == "search"


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_call_of_a_bound_tool_is_no_answer(method: Any) -> None:
    """With `include_raw` it is in the raw message, and no failure."""
    for host in host_of("function_calling", "search"):
        bound: Any = host.model(streaming=isinstance(host.replies[0], list)).bind_tools([search])
        with pytest.raises(OutputParserException, match="called `search` instead"):
            bound.with_structured_output(Person, method=method).invoke("?")
        told = bound.with_structured_output(Person, method=method, include_raw=True).invoke("?")
        assert (told["parsed"], told["parsing_error"], told["raw"].tool_calls[0]["name"]) == (None, None, "search")


def test_the_answer_is_the_tool_that_must_be_called_unless_others_may_be() -> None:
    host = host_of("function_calling")[0]
    bound: Any = host.model().bind_tools([search])
    bound.with_structured_output(Person, method="function_calling").invoke("?")
    bound.with_structured_output(Person, method="function_calling", include_raw=True).invoke("?")
    named = {"type": "function", "function": {"name": "Person"}}
    assert [body["tool_choice"] for body in host.bodies] == [named, "required"]


@pytest.mark.parametrize(
    ("bound", "method", "says"),
    [
        ({"tools": [search], "tool_choice": "search"}, "function_calling", "`tool_choice` is bound to .*search.* a call of `Person`"),
        ({"tools": [search], "tool_choice": "none"}, "function_calling", "`tool_choice` is bound to 'none'"),
        ({"response_format": {"type": "json_object"}}, "json_schema", "`response_format` is bound"),
        ({"response_format": Person}, "json_mode", "`response_format` is bound"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_with_a_schema_is_refused(bound: dict[str, Any], method: Any, says: str) -> None:
    model: Any = Host(whole({"content": ADA})).model().bind(**bound)
    with pytest.raises(InvalidRequestError, match=says):
        model.with_structured_output(Person, method=method)


def test_a_bound_model_is_written_as_langchains_own_and_keeps_what_it_is_after_a_pickle() -> None:
    host = Host(whole({"content": ADA}))
    model = host.model()
    for runnable in (
        model.bind(stop="x"),
        model.with_config(tags=["t"]),
        model.configurable_fields(temperature=ConfigurableField(id="t")),
    ):
        assert dumpd(runnable)["id"][-1] in ("RunnableBinding", "RunnableConfigurableFields")
        assert isinstance(runnable, Runnable)
    from langchain_aimlapi import ChatAIMLAPI

    bound: Any = pickle.loads(pickle.dumps(ChatAIMLAPI(model="openai/gpt-4o").bind(stop="END")))
    assert bound.with_structured_output(Person).first.kwargs["stop"] == "END"
