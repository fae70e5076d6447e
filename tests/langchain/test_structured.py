"""with_structured_output: the way is chosen by what is known of the model, and no answer is made up."""

from __future__ import annotations

import asyncio
import datetime
import pickle
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, ConfigDict, RootModel

from langchain_aimlapi.errors import InvalidRequestError
from tests.langchain.host import Host, call, chunks, whole
from tests.langchain.structured import (
    ADA,
    INNER,
    SCHEMA,
    SCHEMAS,
    UNTITLED,
    City,
    Old,
    Person,
    expected,
    four_ways,
    replying,
)


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("text", [ADA, f"```json\n{ADA}\n```", f"Here it is:\n```\n{ADA}\n```\nAnything else?"])
def test_by_json_in_the_text(schema: Any, text: str) -> None:
    hosts = replying(text)
    answers = four_ways(hosts, schema, method="json_mode")
    assert answers == [expected(schema)] * 4
    assert {host.bodies[0]["response_format"]["type"] for host in hosts} == {"json_object"}
    if schema is not Old:  # its schema is of an older draft: asked for as a tool
        assert four_ways(hosts, schema, method="json_schema") == answers
        sent = hosts[0].bodies[-1]
        assert sent["response_format"]["json_schema"]["schema"]["required"] == ["name"]
        assert "tools" not in sent


@pytest.mark.parametrize("schema", SCHEMAS)
def test_by_a_tool(schema: Any) -> None:
    names = {Person: "Person", Old: "Old", City: "City", id(SCHEMA): "Box_of_things", id(UNTITLED): "answer"}
    name = names.get(schema if isinstance(schema, type) else id(schema), "box")
    hosts = replying(None, name)
    assert four_ways(hosts, schema, method="function_calling") == [expected(schema)] * 4
    for host in hosts:
        body = host.bodies[0]
        assert body["tool_choice"] == "required"
        assert [one["function"]["name"] for one in body["tools"]] == [name]
        assert body["tools"][0]["function"]["parameters"]["required"] == ["name"]


@pytest.mark.parametrize(
    ("model", "settings", "way"),
    [
        ("openai/gpt-4o", {}, "json_schema"),
        ("perplexity/sonar", {}, "json_schema"),
        ("anthropic/claude-opus-4-6", {}, "function_calling"),
        ("some/new-model", {}, "function_calling"),
        ("some/new-model", {"profile": {"structured_output": True}}, "json_schema"),
        ("deepseek/deepseek-reasoner-v3.1", {}, "told"),
        ("qwen3.6-flash", {"preset": "anyfast"}, "told"),
        ("qwen-plus", {"preset": "powertokens"}, "function_calling"),
    ],
)
def test_the_way_is_chosen_by_what_is_known(model: str, settings: dict[str, Any], way: str) -> None:
    host = Host(whole({"content": ADA}))
    chain = host.model(model=model, **settings).with_structured_output(Person)
    assert chain.invoke([("system", "Be brief."), ("human", "Who?")]) == Person(name="Ada")
    (body,) = host.bodies
    kind = body.get("response_format", {}).get("type")
    assert ("tools" in body, kind) == {
        "json_schema": (False, "json_schema"),
        "function_calling": (True, None),
        "told": (False, None),
    }[way]
    first = body["messages"][0]["content"]
    assert ('"required": ["name"]' in first) is (way == "told")
    assert first.startswith("Be brief.")


def test_the_instruction_stands_in_a_message_of_its_own_where_there_is_no_other() -> None:
    host = Host(whole({"content": ADA}))
    host.model(model="deepseek/deepseek-reasoner-v3.1").with_structured_output(Person).invoke("Who?")
    assert [message["role"] for message in host.bodies[0]["messages"]] == ["system", "user"]


def test_the_default_for_an_old_class_is_a_tool() -> None:
    hosts = replying(None, "Old")
    assert four_ways(hosts, Old, model="openai/gpt-4o") == [Old(name="Ada")] * 4


LIES: list[tuple[str, list[Host], str]] = [
    ("function_calling", replying("Ada"), "in text, not by the tool: 'Ada'"),
    ("function_calling", replying('{"age": 3}'), "in text, not by the tool"),
    ("function_calling", replying(""), "empty"),
    ("function_calling", replying(None, "Robot"), "called `Robot` instead"),
    ("function_calling", replying(None, "Person", '{"na'), "cannot be read"),
    ("function_calling", replying(None, "Person", '{"age": 3}'), "name"),
    ("function_calling", replying(None, "Person", finish="length"), "cut at its limit"),
    ("function_calling", [Host(whole({"content": "", "refusal": "No."})), Host(chunks([{"refusal": "No."}]))], "refused: No."),
    ("json_schema", replying('{"name": "A', finish="length"), "cut at its limit"),
    ("json_schema", replying('{"name": "A'), "not JSON"),
    ("json_schema", replying('```json\n{"name": "A\n```'), "not JSON"),
    ("json_schema", replying(""), "empty"),
    ("json_schema", replying("Ada"), "not JSON: 'Ada'"),
    ("json_schema", replying('"Ada"'), "Person|not an object"),
    ("json_schema", replying('["name"]'), "Person|not an object"),
    ("json_schema", replying('{"age": 3}'), "name"),
    ("json_schema", [Host(whole({"content": "", "refusal": "No."})), Host(chunks([{"refusal": "No."}]))], "refused: No."),
    ("json_mode", replying("{}", finish="content_filter"), "filter"),
]  # fmt: skip


@pytest.mark.parametrize("schema", [Person, {**UNTITLED, "title": "Person"}], ids=["class", "dict"])
@pytest.mark.parametrize(("method", "hosts", "says"), LIES)
def test_no_answer_is_made_up(method: Any, hosts: list[Host], says: str, schema: Any) -> None:
    """What is no answer raises, or is told in `parsing_error` beside the raw message; in a stream too."""
    once, streamed = (host.model().with_structured_output(schema, method=method) for host in hosts)
    with pytest.raises(OutputParserException, match=says):
        once.invoke("Who?")
    with pytest.raises(OutputParserException, match=says):
        list(streamed.stream("Who?"))
    with pytest.raises(OutputParserException, match=says):
        asyncio.run(once.ainvoke("Who?"))
    once, streamed = (host.model().with_structured_output(schema, method=method, include_raw=True) for host in hosts)
    pieces = list(streamed.stream("Who?"))
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    for told in (once.invoke("Who?"), asyncio.run(once.ainvoke("Who?")), total):
        assert told["parsed"] is None
        assert isinstance(told["parsing_error"], OutputParserException)
        assert told["raw"].response_metadata["id"] == "c1"
        assert list(told) == ["raw", "parsed", "parsing_error"]


def test_a_refusal_is_langchains_own_error_with_the_message() -> None:
    exceptions = pytest.importorskip("langchain_core.exceptions")
    error = getattr(exceptions, "ModelRefusalError", exceptions.ModelError)  # since langchain-core 1.7.5
    for host in (Host(whole({"content": "", "refusal": "No."})), Host(chunks([{"refusal": "No."}]))):
        model = host.model(streaming=isinstance(host.replies[0], list))
        with pytest.raises(error, match=r"refused: No\.") as caught:
            model.with_structured_output(Person).invoke("Who?")
        again = pickle.loads(pickle.dumps(caught.value))
        assert again.raw_message.additional_kwargs["refusal"] == "No."


@pytest.mark.parametrize("hosts", [replying(ADA), replying(None, "Person")], ids=["text", "tool"])
def test_with_the_raw_message(hosts: list[Host]) -> None:
    """JSON written as text where the tool was to be called counts: it is the answer."""
    once, streamed = (
        host.model().with_structured_output(Person, method="function_calling", include_raw=True) for host in hosts
    )
    whole_one = once.invoke("Who?")
    total: Any = None
    for piece in streamed.stream("Who?"):
        total = piece if total is None else total + piece
    for told in (whole_one, total):
        assert (told["parsed"], told["parsing_error"]) == (Person(name="Ada"), None)
        assert told["raw"].usage_metadata["input_tokens"] == 10


@pytest.mark.parametrize("version", [None, "v1"])
@pytest.mark.parametrize("method", ["function_calling", "json_mode"])
def test_a_dict_grows_in_a_stream(method: Any, version: str | None) -> None:
    _, host = (
        replying(None, "City", '{"name": "Ada L"}') if method == "function_calling" else replying('{"name": "Ada L"}')
    )
    seen = list(host.model(output_version=version).with_structured_output(City, method=method).stream("Who?"))
    assert seen[0] != seen[-1] == {"name": "Ada L"}
    assert all("Ada L".startswith(piece["name"]) for piece in seen)
    assert len(seen) == len({piece["name"] for piece in seen})


def test_other_tools_may_be_called_first() -> None:
    """Their calls are in the raw message; nothing is parsed, and that is no error."""

    def look_up(name: str) -> str:
        """Looks a person up."""
        return name

    for method in ("function_calling", "json_schema"):
        host = Host(whole({"content": None, "tool_calls": [call(None, "a", "look_up", ADA)]}))
        model = host.model()
        chain = model.with_structured_output(Person, method=method, tools=[look_up], include_raw=True)
        told = chain.invoke("Who?")
        assert (told["parsed"], told["parsing_error"]) == (None, None)
        assert [one["name"] for one in told["raw"].tool_calls] == ["look_up"]
        assert host.bodies[0]["tools"][-1]["function"]["name"] == "look_up"
        with pytest.raises(InvalidRequestError, match="include_raw"):
            model.with_structured_output(Person, method=method, tools=[look_up])


def test_strict_goes_out_and_closes_the_schema() -> None:
    for schema in SCHEMAS:
        host = Host(whole({"content": ADA}))
        for method in ("function_calling", "json_schema"):
            host.model().with_structured_output(schema, method=method, strict=True).invoke("Who?")
            body = host.bodies[-1]
            spec = body["tools"][0]["function"] if "tools" in body else body["response_format"]["json_schema"]
            assert spec["strict"] is True
            if schema is not INNER:  # the wire's own words are left as they are
                assert (spec.get("parameters") or spec["schema"])["additionalProperties"] is False


def test_a_strict_class_is_read_as_json() -> None:
    """Its date may be a text, as JSON has no dates."""

    class Day(BaseModel):
        model_config = ConfigDict(strict=True)
        date: datetime.date

    class Names(RootModel[list[str]]):
        """Names."""

    day = '{"date": "2026-01-02"}'
    assert four_ways(replying(None, "Day", day), Day) == [Day(date=datetime.date(2026, 1, 2))] * 4
    assert four_ways(replying('["a"]'), Names, method="json_mode") == [Names(["a"])] * 4


@pytest.mark.parametrize(
    ("schema", "options", "says"),
    [
        (None, {}, "`schema` is missing"),
        (Person, {"method": "magic"}, "`method` is 'magic'"),
        (3, {}, "`schema` is '3'"),
    ],
)
def test_a_wrong_argument_is_named(schema: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        Host().model().with_structured_output(schema, **options)


def test_json_mode_needs_no_schema() -> None:
    host = Host(whole({"content": '{"a": 1}'}))
    assert host.model().with_structured_output(None, method="json_mode").invoke("Hi") == {"a": 1}


def test_no_model_is_forced_to_a_tool_while_it_thinks() -> None:
    host = Host(whole({"content": None, "tool_calls": [call(None, "a", "Person", ADA)]}))
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    model = host.model(model="anthropic/claude-opus-4-6", model_kwargs=thinking)
    assert model.with_structured_output(Person).invoke("Who?") == Person(name="Ada")
    assert ("tools" in host.bodies[0], "tool_choice" in host.bodies[0]) == (True, False)


def test_a_forced_choice_is_left_out_where_the_host_refuses_it() -> None:
    host = Host(whole({"tool_calls": [call(None, "a", "Person", ADA)]}))
    model = host.model(model="glm-4.7-flash", preset="powertokens")
    assert model.with_structured_output(Person).invoke("Who?") == Person(name="Ada")
    assert "tool_choice" not in host.bodies[0]
    strict = model.model_copy(update={"strict_parameters": True})
    with pytest.raises(InvalidRequestError, match="tool_choice"):
        strict.bind_tools([Person], tool_choice="any").invoke("Hi")


def test_an_answer_without_the_call_raises_where_the_host_cannot_be_made_to_call() -> None:
    model = Host(whole({"content": "Ada, I think."})).model(model="glm-4.7-flash", preset="powertokens")
    with pytest.raises(OutputParserException, match="in text, not by the tool"):
        model.with_structured_output(Person).invoke("Who?")
