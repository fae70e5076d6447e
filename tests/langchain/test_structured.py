"""with_structured_output: the way is chosen by what is known of the model, and no answer is made up."""

from __future__ import annotations

import asyncio
import datetime
import json
from typing import Any

import pydantic.v1
import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel, ConfigDict, Field, RootModel
from typing_extensions import TypedDict

from langchain_aimlapi import ChatAIMLAPI
from langchain_aimlapi.errors import InvalidRequestError
from tests.langchain.host import Host, call, chunks, whole


class Person(BaseModel):
    """A person."""

    name: str = Field(description="The name.")
    age: int | None = None


class Old(pydantic.v1.BaseModel):
    """A person, of long ago."""

    name: str


class City(TypedDict):
    """A city."""

    name: str


SCHEMA = {"title": "Box of things", "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
UNTITLED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
FUNCTION = {"name": "box", "description": "A box.", "parameters": UNTITLED}
INNER = {"name": "box", "strict": True, "schema": UNTITLED}
ADA = '{"name": "Ada"}'
SCHEMAS = [Person, Old, City, SCHEMA, UNTITLED, FUNCTION, INNER]


def expected(schema: Any) -> Any:
    return schema(name="Ada") if schema in (Person, Old) else {"name": "Ada"}


def replying(text: str | None, name: str | None = None, arguments: str = ADA, finish: str = "stop") -> list[Host]:
    """The same reply whole and streamed, in pieces of three characters."""
    if name is None:
        deltas: list[Any] = [{"content": (text or "")[at : at + 3]} for at in range(0, len(text or ""), 3)]
        return [Host(whole({"content": text}, finish)), Host(chunks(deltas or [{"content": ""}], finish))]
    pieces = [call(0, None, None, arguments[at : at + 3]) for at in range(0, len(arguments), 3)]
    deltas = [{"tool_calls": [call(0, "a", name, "")]}, *({"tool_calls": [piece]} for piece in pieces)]
    message = {"content": text, "tool_calls": [call(None, "a", name, arguments)]}
    return [Host(whole(message, finish)), Host(chunks(deltas, finish))]


def four_ways(hosts: list[Host], schema: Any, **options: Any) -> list[Any]:
    """Invoked, awaited, the last of the stream, the last of the async stream."""
    settings = {"model": options.pop("model", "some/new-model")}
    once, streamed = (host.model(**settings).with_structured_output(schema, **options) for host in hosts)

    async def run() -> list[Any]:
        pieces = [piece async for piece in streamed.astream("Who?")]
        return [await once.ainvoke("Who?"), pieces[-1]]

    return [once.invoke("Who?"), list(streamed.stream("Who?"))[-1], *asyncio.run(run())]


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
    ("json_schema", replying('{"name": "A'), "no JSON"),
    ("json_schema", replying('```json\n{"name": "A\n```'), "no JSON"),
    ("json_schema", replying(""), "empty"),
    ("json_schema", replying("Ada"), "no JSON: 'Ada'"),
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


class Noted(TypedDict):
    """What a trip must have."""

    name: str


class Trip(Noted, total=False):
    """A trip."""

    note: str


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_key_a_typeddict_need_not_have_may_be_missing(method: Any) -> None:
    """LangChain's schema of it lists every key without a default as required."""
    for host in replying(ADA) if method == "json_schema" else replying(None, "Trip"):
        answers = host.model(streaming=isinstance(host.replies[0], list)).with_structured_output(Trip, method=method)
        assert answers.invoke("Who?") == {"name": "Ada"}
    (host, _) = replying('{"note": "x"}')
    with pytest.raises(OutputParserException, match="lacks name"):
        host.model().with_structured_output(Trip, method="json_schema").invoke("Who?")


class Inner(BaseModel):
    default: str | None = None


class Outer(BaseModel):
    note: str | None = None
    inner: Inner | None = None


def test_a_strict_schema_has_no_null_defaults() -> None:
    """OpenAI's strict mode takes no `default`; its own SDK leaves these out, too. A key of that name stays."""
    host = Host(whole({"content": '{"note": null, "inner": {"default": null}}'}))
    told = host.model().with_structured_output(Outer, method="json_schema", strict=True).invoke("?")
    assert told == Outer(inner=Inner())
    text = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    inner = host.bodies[0]["response_format"]["json_schema"]["schema"]["properties"]["inner"]
    assert (inner.get("default", "none"), inner["anyOf"][0]["properties"]) == (
        "none",
        {"default": {**text, "title": "Default"}},
    )
    assert host.bodies[0]["response_format"]["json_schema"]["schema"]["properties"]["note"] == text


class Node(BaseModel):
    """A tree."""

    value: int
    kids: list[Node] = []


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_class_that_holds_itself_is_described_to_the_end(method: Any) -> None:
    """LangChain's conversion ends at `items: {}`."""
    tree = '{"value": 1, "kids": [{"value": 2}]}'
    (host, _) = replying(tree) if method == "json_schema" else replying(None, "Node", tree)
    answer = host.model().with_structured_output(Node, method=method).invoke("?")
    assert answer == Node(value=1, kids=[Node(value=2)])
    body = host.bodies[0]
    host.model().bind_tools([Node]).invoke("?")
    assert host.bodies[1]["tools"][0]["function"]["parameters"]["$defs"]["Node"]["required"] == ["value"]
    told = body["response_format"]["json_schema"] if method == "json_schema" else body["tools"][0]["function"]
    schema = told["schema" if method == "json_schema" else "parameters"]
    kids = {"default": [], "items": {"$ref": "#/$defs/Node"}, "title": "Kids", "type": "array"}
    assert (told["name"], schema["properties"]["kids"], schema["$defs"]["Node"]["properties"]["kids"]) == (
        "Node",
        kids,
        kids,
    )


def test_a_strict_format_of_an_agent_has_a_strict_schema() -> None:
    """ProviderStrategy(strict=True) sends the schema of the class as it is, which OpenAI refuses as strict."""
    spec = {"name": "Outer", "strict": True, "schema": Outer.model_json_schema()}
    host = Host(whole({"content": "{}"}))
    host.model().bind_tools([], response_format={"type": "json_schema", "json_schema": spec}).invoke("?")
    sent = host.bodies[0]["response_format"]["json_schema"]["schema"]
    for node, keys in ((sent, ["note", "inner"]), (sent["$defs"]["Inner"], ["default"])):
        assert (node["required"], node["additionalProperties"]) == (keys, False)
    assert spec["schema"] == Outer.model_json_schema()
    loose = {**spec, "strict": False}
    host.model().bind_tools([], response_format={"type": "json_schema", "json_schema": loose}).invoke("?")
    assert host.bodies[1]["response_format"]["json_schema"] == loose


@pytest.mark.parametrize("schema", [list, dict, int, "Person", list[int]])
@pytest.mark.parametrize("method", [None, "function_calling", "json_schema", "json_mode"])
def test_what_describes_no_shape_is_refused(schema: Any, method: Any) -> None:
    """`list` too, which LangChain's converter describes by the arguments of its constructor."""
    with pytest.raises(InvalidRequestError, match=r"^`schema` is .*: pass a Pydantic class, a TypedDict"):
        ChatAIMLAPI(model="openai/gpt-4o", api_key="k").with_structured_output(schema, method=method)


def test_a_missing_schema_says_what_goes_without_one() -> None:
    with pytest.raises(InvalidRequestError, match='pass one, or `method="json_mode"`'):
        ChatAIMLAPI(model="openai/gpt-4o", api_key="k").with_structured_output(None)


class Basket(BaseModel):
    """A basket."""

    items: list[str]
    owner: Person | None = None
    note: str = ""


BASKET = {"items": ["a"], "owner": {"name": "Ada"}, "note": "[1]"}
BASKETS = {
    "arrays and objects as strings": json.dumps({**BASKET, "items": '["a"]', "owner": ADA}),
    "encoded twice": json.dumps(json.dumps(BASKET)),
}


@pytest.mark.parametrize("way", BASKETS)
@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
@pytest.mark.parametrize("by_class", [True, False])
def test_a_string_that_spells_what_the_schema_wants_is_that(way: str, method: Any, by_class: bool) -> None:
    schema: Any = Basket if by_class else Basket.model_json_schema()
    hosts = replying(None, "Basket", BASKETS[way]) if method == "function_calling" else replying(BASKETS[way])
    expected = Basket(items=["a"], owner=Person(name="Ada"), note="[1]") if by_class else BASKET
    assert four_ways(hosts, schema, method=method) == [expected] * 4
