"""Every kind of schema, by both methods, strict and not, under both endpoints, whole and streamed, sync and async."""

from __future__ import annotations

import asyncio
import copy
import re
import warnings
from typing import Any

import pytest

from langchain_aimlapi import ChatAIMLAPI
from langchain_aimlapi.errors import InvalidRequestError
from tests.schema_kinds import ALL, Kind, StrictHost


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
    with pytest.raises(InvalidRequestError, match=f"{field} .* strict output cannot say"):
        model_of(host, strict_parameters=True).with_structured_output(kind.schema, strict=True)
