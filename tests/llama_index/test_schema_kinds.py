"""Every kind of class, by a schema and by a tool, under both endpoints, in all four forms; and what is passed with it."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool

from aimlapi_transport import user_warnings
from aimlapi_transport.errors import InvalidRequestError
from llama_index_aimlapi import AIMLAPI, StructuredOutputError
from tests.llama_index.host import DONE, Host, call, chunk, last, piece, whole
from tests.llama_index.test_structured import ADA, FORMS, TEXT, Person, _objects
from tests.schema_kinds import MODELS, Even, Kind, StrictHost

PROMPT = PromptTemplate("Make {what}")


def llm_of(host: StrictHost, **settings: Any) -> AIMLAPI:
    return AIMLAPI(
        "openai/gpt-4o", api_key="k", http_client=host.client(), async_http_client=host.async_client(), **settings
    )


@pytest.mark.parametrize("use_responses_api", [False, True], ids=["chat", "responses"])
@pytest.mark.parametrize("way", ["schema", "tool", "strict tool"])
@pytest.mark.parametrize("kind", MODELS.values(), ids=MODELS)
async def test_what_is_sent_is_allowed_and_the_answer_is_the_value(
    kind: Kind, way: str, use_responses_api: bool
) -> None:
    host = StrictHost(kind.answer)
    llm = llm_of(
        host,
        use_responses_api=use_responses_api,
        should_use_structured_outputs=way == "schema",
        strict=way == "strict tool",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for form in FORMS:
            assert (await _objects(form, llm, kind.schema))[-1] == kind.value
    in_words = name_of(kind).startswith("root is a ") and name_of(kind) not in ("root is a class", "root is a dict")
    is_strict = way != "tool" and not kind.loose and not in_words
    assert {bool(asked.get("strict")) for asked in host.asked} == {is_strict}


def name_of(kind: Kind) -> str:
    return next(name for name, other in MODELS.items() if other is kind)


@pytest.mark.parametrize("name", [name for name, kind in MODELS.items() if kind.loose])
def test_a_class_that_cannot_be_strict_is_told_once_by_its_field_or_refused(name: str) -> None:
    kind = MODELS[name]
    field = re.escape(str(kind.loose))
    user_warnings._warned.clear()
    llm = llm_of(StrictHost(kind.answer))
    with pytest.warns(UserWarning, match=f"{field} .*`strict` is left out"):
        llm.structured_predict(kind.schema, PROMPT, what="it")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert llm.structured_predict(kind.schema, PROMPT, what="it") == kind.value
    careful = llm_of(StrictHost(kind.answer), strict_parameters=True)
    assert careful.structured_predict(kind.schema, PROMPT, what="it") == kind.value  # nobody asked for strict
    with pytest.raises(InvalidRequestError, match=f"{field} .* strict output does not support"):
        careful.structured_predict(kind.schema, PROMPT, llm_kwargs={"strict": True}, what="it")


def counted(counts: dict[str, int], name: str) -> str:
    """Counts."""
    return f"{counts} {name}"


def test_a_tool_that_cannot_be_strict_is_told_by_its_field_or_refused() -> None:
    user_warnings._warned.clear()
    tool = FunctionTool.from_defaults(counted)
    host = Host([whole("Hi")])
    with pytest.warns(user_warnings.UnlistedParameterWarning, match=r"counted\.counts accepts any keys"):
        host.llm(strict=True).chat_with_tools([tool], "?")
    function = host.bodies[0]["tools"][0]["function"]
    assert (function["strict"], function["parameters"]["properties"]["counts"]["additionalProperties"]) == (
        False,
        {"type": "integer"},
    )
    with pytest.raises(InvalidRequestError, match=r"counted\.counts accepts any keys"):
        host.llm(strict=True, strict_parameters=True).chat_with_tools([tool], "?")


def test_a_tool_whose_arguments_hold_themselves_is_described() -> None:
    host = Host([whole("Hi")])
    tool = FunctionTool.from_defaults(counted, fn_schema=Even)
    host.llm(strict=True).chat_with_tools([tool], "?")
    parameters = host.bodies[0]["tools"][0]["function"]["parameters"]
    assert (parameters["type"], list(parameters["properties"])) == ("object", ["odd"])


def search(query: str) -> str:
    """Searches."""
    return query


SEARCH = FunctionTool.from_defaults(search)
WAYS: list[tuple[str, dict[str, Any]]] = [
    ("schema", {"should_use_structured_outputs": True}),
    ("tool", {"should_use_structured_outputs": False}),
    ("words", {"is_function_calling_model": False}),
]


def answers(way: str, form: str, name: str = "Person", text: str = TEXT) -> Host:
    if way == "tool":
        stream = [chunk(tool_calls=[piece("", name, id="c1")]), chunk(tool_calls=[piece(text)]), chunk("tool_calls")]
        reply: Any = whole(None, "tool_calls", tool_calls=[call(name, text)])
    else:
        stream = [chunk(content=text), chunk("stop")]
        reply = whole(text)
    return Host([[*stream, last(), DONE] if "stream" in form else reply])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("way", "settings"), WAYS)
async def test_what_is_passed_is_sent_with_the_shape(form: str, way: str, settings: dict[str, Any]) -> None:
    passed = {"stop": ["END"], "tools": [SEARCH], "temperature": 0.5, "parallel_tool_calls": False}
    host = answers(way, form)
    assert (await _objects(form, host.llm("some/model", **settings), llm_kwargs=passed))[-1] == ADA
    (body,) = host.bodies
    assert (body["stop"], body["temperature"], body["parallel_tool_calls"]) == (["END"], 0.5, False)
    names = [tool["function"]["name"] for tool in body["tools"]]
    assert names == (["Person", "search"] if way == "tool" else ["search"])
    named = {"type": "function", "function": {"name": "Person"}}
    assert body.get("tool_choice") == (named if way == "tool" else None)
    assert ("response_format" in body) == (way == "schema")


CHATS = ["chat", "achat", "stream_chat", "astream_chat", "complete", "acomplete", "stream_complete", "astream_complete"]


@pytest.mark.parametrize("form", CHATS)
@pytest.mark.parametrize(("way", "settings"), WAYS)
async def test_what_a_structured_llm_is_made_with_and_asked_with_is_sent(
    form: str, way: str, settings: dict[str, Any]
) -> None:
    host = answers(way, form)
    structured = host.llm("some/model", **settings).as_structured_llm(
        Person, stop=["END"], tools=[SEARCH], temperature=0.1
    )
    given = getattr(structured, form)("?" if "complete" in form else [ChatMessage("?")], temperature=0.5)
    given = await given if form.startswith("a") else given
    if "stream" in form:
        given = [one async for one in given][-1] if form.startswith("a") else list(given)[-1]
    assert given.raw == ADA
    (body,) = host.bodies
    assert (body["stop"], body["temperature"]) == (["END"], 0.5)
    assert body["tools"][-1]["function"]["name"] == "search"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("way", "settings"), WAYS)
async def test_a_call_of_a_passed_tool_is_no_answer(form: str, way: str, settings: dict[str, Any]) -> None:
    host = answers("tool", form, "search", TEXT)
    with pytest.raises(StructuredOutputError, match="by a call of `search`") as caught:
        await _objects(form, host.llm("some/model", **settings), llm_kwargs={"tools": [SEARCH]})
    assert caught.value.reason == "no_json"


@pytest.mark.parametrize("choice", ["search", "none"])
async def test_a_choice_at_odds_with_the_shape_is_refused(choice: str) -> None:
    for form in FORMS:
        llm = answers("tool", form).llm("some/model")
        with pytest.raises(InvalidRequestError, match="but the answer is a call of `Person`"):
            await _objects(form, llm, llm_kwargs={"tools": [SEARCH], "tool_choice": choice})


@pytest.mark.parametrize(
    ("choice", "sent"),
    [("auto", "auto"), ("required", "required"), ("Person", "required"), (True, "required"), (None, "required")],
)
async def test_a_choice_that_leads_to_the_answer_is_taken(choice: Any, sent: str) -> None:
    for form in FORMS:
        host = answers("tool", form)
        assert (await _objects(form, host.llm("some/model"), llm_kwargs={"tool_choice": choice}))[-1] == ADA
        assert host.bodies[0]["tool_choice"] == sent


@pytest.mark.parametrize("form", FORMS)
async def test_without_tools_a_choice_among_them_is_none(form: str) -> None:
    """LlamaIndex's own programs pass one."""
    host = answers("schema", form)
    passed = {"tool_choice": "required", "tool_required": True, "allow_parallel_tool_calls": False}
    assert (await _objects(form, host.llm("openai/gpt-4o"), llm_kwargs=passed))[-1] == ADA
    assert host.bodies[0].keys() <= {"model", "messages", "response_format", "stream", "stream_options"}


@pytest.mark.parametrize("strict", [False, True])
async def test_strict_is_as_the_call_says(strict: bool) -> None:
    for form in FORMS:
        host = answers("schema", form)
        assert (await _objects(form, host.llm("openai/gpt-4o"), llm_kwargs={"strict": strict}))[-1] == ADA
        held = host.bodies[0]["response_format"]["json_schema"]
        assert (bool(held.get("strict")), "default" in held["schema"]["properties"]["age"]) == (strict, not strict)
