"""Every kind of schema, by both methods, strict and not, under both endpoints, whole and streamed, sync and async."""

from __future__ import annotations

import asyncio
import copy
import re
import warnings
from typing import Any

import pytest
from langchain_core.tools import BaseTool

from langchain_aimlapi import ChatAIMLAPI
from langchain_aimlapi.errors import InvalidRequestError
from tests.schema_kinds import ALL, MODELS, Kind, StrictHost


def model_of(host: StrictHost, **settings: Any) -> ChatAIMLAPI:
    return ChatAIMLAPI(
        model="openai/gpt-4o", api_key="k", http_client=host.client(), http_async_client=host.async_client(), **settings
    )


@pytest.mark.parametrize("use_responses_api", [False, True], ids=["chat", "responses"])
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("strict", [None, True], ids=["", "strict"])
@pytest.mark.parametrize("kind", ALL.values(), ids=ALL)
def test_what_is_sent_is_allowed_and_the_answer_is_the_value(
    kind: Kind, strict: bool | None, method: Any, use_responses_api: bool
) -> None:
    host = StrictHost(kind.answer)
    model = model_of(host, use_responses_api=use_responses_api)
    before = copy.deepcopy(kind.schema) if isinstance(kind.schema, dict) else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chain = model.with_structured_output(kind.schema, method=method, strict=strict)

    async def run() -> list[Any]:
        return [await chain.ainvoke("?"), [piece async for piece in chain.astream("?")][-1]]

    assert [chain.invoke("?"), list(chain.stream("?"))[-1], *asyncio.run(run())] == [kind.value] * 4
    assert before is None or kind.schema == before
    assert {bool(asked.get("strict")) for asked in host.asked} == {bool(strict and not kind.loose)}


@pytest.mark.parametrize("use_responses_api", [False, True], ids=["chat", "responses"])
@pytest.mark.parametrize("name", MODELS)
def test_a_class_as_the_format_of_a_call_is_allowed_and_its_answer_parsed(name: str, use_responses_api: bool) -> None:
    kind = MODELS[name]
    model = model_of(StrictHost(kind.answer), use_responses_api=use_responses_api)
    whole = model.invoke("?", response_format=kind.schema)
    streamed = list(model.bind(response_format=kind.schema).stream("?"))[-1]
    assert [message.additional_kwargs["parsed"] for message in (whole, streamed)] == [kind.value] * 2


@pytest.mark.parametrize("strict", [None, True], ids=["", "strict"])
@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("root is a ") or "class" in name])
def test_an_agents_provider_strategy_of_a_class_is_allowed(name: str, strict: bool | None) -> None:
    """It sends the schema of the class as it is, be its root a reference."""
    from langchain.agents import create_agent
    from langchain.agents.structured_output import ProviderStrategy

    kind = MODELS[name]
    host = StrictHost(kind.answer, completes=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agent: Any = create_agent(model_of(host), [], response_format=ProviderStrategy(kind.schema, strict=strict))
        assert agent.invoke({"messages": [("user", "?")]})["structured_response"] == kind.value
    assert host.asked[0].get("strict") == (strict and not kind.loose)


NO_TOOLS = ("enum", "an object of any keys")  # a constructor, and a tool without arguments


@pytest.mark.parametrize("strict", [None, True], ids=["", "strict"])
@pytest.mark.parametrize("name", [name for name in ALL if name not in NO_TOOLS])
def test_a_tool_of_the_schema_is_allowed_or_refused_by_name(name: str, strict: bool | None) -> None:
    kind = ALL[name]
    host = StrictHost(kind.answer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model_of(host).bind_tools([kind.schema], strict=strict).invoke("?")
        except InvalidRequestError as error:
            assert "not an object at the root" in str(error) or "is not a tool" in str(error)
            assert host.asked == []
        else:
            assert host.asked[0].get("strict") == (None if strict is None else not kind.loose)


class Tree(BaseTool):
    name: str = "tree"
    description: str = "Plants."
    args_schema: Any = MODELS["holds itself"].schema

    def _run(self, **kwargs: Any) -> str:
        return str(kwargs)


@pytest.mark.parametrize("strict", [None, True], ids=["", "strict"])
def test_the_arguments_of_a_tool_may_hold_themselves(strict: bool | None) -> None:
    host = StrictHost({"value": 1})
    model_of(host).bind_tools([Tree()], strict=strict).invoke("?")
    assert list(host.asked[0]["parameters"]["properties"]) == ["value", "left", "kids"]
    kids = host.asked[0]["parameters"]["properties"]["kids"]
    assert kids["items"] == {"$ref": "#/$defs/Node"}


@pytest.mark.parametrize("name", [name for name, kind in ALL.items() if kind.loose])
def test_a_schema_that_cannot_be_strict_is_told_once_by_its_field_or_refused(name: str) -> None:
    from aimlapi_transport import user_warnings

    kind = ALL[name]
    user_warnings._warned.clear()
    host = StrictHost(kind.answer)
    field = re.escape(str(kind.loose))
    with pytest.warns(user_warnings.UnlistedParameterWarning, match=f"{field} .*`strict` is left out"):
        model_of(host).with_structured_output(kind.schema, strict=True)
    model_of(host).with_structured_output(kind.schema, strict=True)  # a second warning would be an error here
    with pytest.raises(InvalidRequestError, match=f"{field} .* strict output does not support"):
        model_of(host, strict_parameters=True).with_structured_output(kind.schema, strict=True)
