"""Answers in the shape of a class: every way to ask, every form of answer, whole, streamed, sync and async."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Literal

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, Field, RootModel

from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.structured.strict import strict_schema
from llama_index_aimlapi import AIMLAPI, StructuredOutputError
from llama_index_aimlapi._schemas import name_of, schema_of, to_answer_schema, to_response_format, tool_for
from tests.llama_index.host import DONE, Host, call, chunk, last, piece, whole


class Inner(BaseModel):
    """A detail."""

    x: int


class Person(BaseModel):
    """A person."""

    name: str
    age: int = 3
    tags: list[str] = []
    inner: Inner | None = Field(None, description="More")
    kind: Literal["a", "b"] = "a"


TEXT = '{"name": "Ada", "age": 36, "tags": ["x", "y"], "inner": {"x": 1}, "kind": "b"}'
ADA = Person(name="Ada", age=36, tags=["x", "y"], inner=Inner(x=1), kind="b")
PROMPT = PromptTemplate("Make {what}")
WAYS: list[tuple[str, dict[str, Any], str]] = [
    ("openai/gpt-4o", {}, "json_schema"),
    ("openai/gpt-4o", {"should_use_structured_outputs": False}, "tool"),
    ("openai/gpt-4o", {"pydantic_program_mode": PydanticProgramMode.FUNCTION}, "tool"),
    ("openai/gpt-4o", {"pydantic_program_mode": PydanticProgramMode.OPENAI}, "tool"),
    ("openai/gpt-4o", {"pydantic_program_mode": PydanticProgramMode.LLM}, "words"),
    ("anthropic/claude-sonnet-4.5", {}, "tool"),
    ("some/model", {}, "tool"),
    ("some/model", {"strict": True}, "tool"),
    ("some/model", {"should_use_structured_outputs": True}, "json_schema"),
    ("some/model", {"is_function_calling_model": False}, "words"),
    ("glm-5", {"preset": "powertokens"}, "tool"),
]
ANSWERS = [TEXT, f"```json\n{TEXT}\n```", f"Sure! {{here}} it is: {TEXT} Fine?", f"<b>\n```\n{TEXT}```"]
FORMS = ["structured_predict", "astructured_predict", "stream_structured_predict", "astream_structured_predict"]


def _told(text: str, finish: str = "stop") -> list[Any]:
    pieces = [chunk(content=text[i : i + 4]) for i in range(0, len(text), 4)]
    return [chunk(role="assistant", content=""), *pieces, chunk(finish), last(), DONE]


def _called(text: str, finish: str = "tool_calls") -> list[Any]:
    pieces = [chunk(tool_calls=[piece(text[i : i + 4])]) for i in range(0, len(text), 4)]
    return [chunk(tool_calls=[piece("", "Person", id="c1")]), *pieces, chunk(finish), last(), DONE]


async def _objects(form: str, llm: AIMLAPI, output_cls: Any = Person, **kwargs: Any) -> list[Any]:
    given = getattr(llm, form)(output_cls, PROMPT, what="it", **kwargs)
    if form.startswith("a"):
        given = await given
    if "stream" not in form:
        return [given]
    return [value async for value in given] if form.startswith("a") else list(given)


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("model", "settings", "way"), WAYS)
async def test_every_way_reads_every_form_of_text(
    model: str, settings: dict[str, Any], way: str, form: str, answer: str
) -> None:
    host = Host([_told(answer) if "stream" in form else whole(answer)])
    llm = host.llm(model, system_prompt="Be exact", **settings)
    assert (await _objects(form, llm))[-1] == ADA
    (body,) = host.bodies
    assert body["messages"][0] == {"role": "system", "content": "Be exact"}
    assert ("response_format" in body, "tools" in body) == (way == "json_schema", way == "tool")
    assert ('"Inner"' in body["messages"][1]["content"]) is (way == "words")


@pytest.mark.parametrize("form", FORMS)
async def test_a_call_of_the_tool_is_the_answer_and_what_the_caller_says_wins(form: str) -> None:
    reply = whole(None, "tool_calls", tool_calls=[call("Person", TEXT)])
    host = Host([_called(TEXT) if "stream" in form else reply])
    objects = await _objects(form, host.llm(max_tokens=5), llm_kwargs={"max_tokens": 9, "top_p": 0.5})
    assert objects[-1] == ADA
    assert (host.bodies[0]["max_tokens"], host.bodies[0]["top_p"]) == (9, 0.5)
    assert host.bodies[0]["tool_choice"] == "required"


@pytest.mark.parametrize("form", FORMS[2:])
@pytest.mark.parametrize("events", [_told(TEXT), _called(TEXT)])
async def test_a_stream_gives_objects_that_grow_and_never_change(form: str, events: list[Any]) -> None:
    objects = await _objects(form, Host([events]).llm())
    seen = [value.model_dump(exclude_unset=True) for value in objects]
    names = [value.get("name") for value in seen]
    assert names[:2] == ["Ad", "Ada"]
    assert [value.get("tags") for value in seen].count(["x"]) >= 1
    assert isinstance(objects[-1], Person)
    assert [value.model_dump(exclude_unset=True) for value in objects] == seen


BAD: list[tuple[Any, str]] = [
    (whole(None, refusal="I would rather not."), "refusal"),
    (whole(TEXT[:-5], "length"), "length"),
    (whole("", "content_filter"), "content_filter"),
    (whole("No idea."), "no_json"),
    (whole('{"name": 1}'), "mismatch"),
    (whole(None, "length", tool_calls=[call("Person", TEXT[:-5])]), "length"),
    (whole(None, "tool_calls", tool_calls=[call("Person", '{"name":')]), "no_json"),
    (_told("No idea."), "no_json"),
    (_told(TEXT[:-4], "length"), "length"),
    (_called(TEXT[:-4], "length"), "length"),
]


@pytest.mark.parametrize(("reply", "reason"), BAD)
@pytest.mark.parametrize(("model", "settings"), [("openai/gpt-4o", {}), ("some/model", {})])
async def test_what_is_no_answer_raises_and_says_why(model: str, settings: Any, reply: Any, reason: str) -> None:
    for form in FORMS[2:] if isinstance(reply, list) else FORMS[:2]:
        with pytest.raises(StructuredOutputError) as caught:
            await _objects(form, Host([reply]).llm(model, **settings))
        assert caught.value.reason == reason
        assert isinstance(caught.value, ValueError)


async def test_a_structured_llm_takes_messages_as_they_are() -> None:
    """Braces in a conversation are no template, in none of the eight forms."""
    host = Host([whole(TEXT)])
    structured = host.llm("openai/gpt-4o").as_structured_llm(Person)
    asked = [ChatMessage('a {b} {{c}} {"d": 1}')]
    assert structured.chat(asked).raw == (await structured.achat(asked)).raw == ADA
    assert structured.complete("Hi").raw == (await structured.acomplete("Hi")).raw == ADA
    host.replies = [_told(TEXT)]
    assert [r.raw for r in structured.stream_chat(asked)][-1] == ADA
    assert [r.raw async for r in await structured.astream_chat(asked)][-1] == ADA
    assert [r.raw for r in structured.stream_complete("Hi")][-1] == ADA
    assert [r.text async for r in await structured.astream_complete("Hi")][-1] == ADA.model_dump_json()
    contents = [body["messages"][0]["content"] for body in host.bodies]
    text = asked[0].content
    assert contents == [text, text, "Hi", "Hi", text, text, "Hi", "Hi"]


@pytest.mark.parametrize("answer", [*ANSWERS, f'{{"name": "Person", "arguments": {TEXT}}}'])
async def test_the_frameworks_own_program_reads_a_text_where_a_call_was_due(answer: str) -> None:
    program = FunctionCallingProgram.from_defaults(Person, "Make {what}", llm=Host([whole(answer)]).llm())
    assert program(what="it") == await program.acall(what="it") == ADA


def tool_of(cls: type[BaseModel]) -> dict[str, Any]:
    return tool_for(to_answer_schema(cls, strict=None))


async def test_a_text_that_is_not_the_calls_arguments_stays_a_text() -> None:
    llm = Host([whole('{"error": "no"}')]).llm()
    response = llm.chat_with_tools([tool_of(Person)], "Hi", tool_required=True)  # type: ignore[list-item]  # definitions are tools, too
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    response = llm.chat_with_tools([tool_of(Inner)], "Hi")  # type: ignore[list-item]  # definitions are tools, too
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []


def test_a_class_may_be_the_response_format_of_a_call() -> None:
    host = Host([whole(TEXT)])
    host.llm().chat([ChatMessage("Hi")], response_format=Inner)
    assert host.bodies[0]["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "Inner",
            "schema": {
                "type": "object",
                "title": "Inner",
                "description": "A detail.",
                "properties": {"x": {"type": "integer", "title": "X"}},
                "required": ["x"],
                "additionalProperties": False,
            },
            "strict": True,
        },
    }
    with pytest.raises(InvalidRequestError, match="the class str"):
        host.llm().chat([ChatMessage("Hi")], response_format=str)
    assert to_response_format({"type": "json_object"}) == {"type": "json_object"}


class Node(BaseModel):
    """Holds itself."""

    value: int
    next: Node | None = Field(None, description="The rest")


class Open(BaseModel):
    """Takes any keys."""

    things: dict[str, int]


class Pair(BaseModel):
    """A tuple."""

    both: tuple[int, str]


class Names(RootModel[list[str]]):
    """A bare list."""


class Cat(BaseModel):
    """One kind."""

    kind: Literal["cat"]


class Dog(BaseModel):
    """Another kind."""

    kind: Literal["dog"]


class Pet(BaseModel):
    """One of two."""

    pet: Cat | Dog = Field(discriminator="kind")


class Box(BaseModel):
    """Named by its type."""

    anything: Any


@pytest.mark.parametrize(
    ("cls", "strict"), [(Person, True), (Node, True), (Pet, True), (Open, False), (Pair, False), (Box, False)]
)
def test_a_schema_is_a_rule_only_where_strict_output_can_hold_to_it(cls: type[BaseModel], strict: bool) -> None:
    schema = schema_of(cls)
    assert schema["type"] == "object"
    shaped, problem = strict_schema(schema)
    assert (problem is None) is strict
    assert (shaped == schema) is not strict
    if strict:
        _check_strict(shaped)


def _check_strict(schema: Any) -> None:
    assert schema.keys().isdisjoint(("default", "oneOf", "allOf", "discriminator"))
    assert "$ref" not in schema or schema.keys() == {"$ref"}
    if schema.get("type") == "object":
        assert schema["additionalProperties"] is False
        assert schema["required"] == list(schema["properties"])
    for name in ("properties", "$defs"):
        for value in schema.get(name, {}).values():
            _check_strict(value)
    for value in schema.get("anyOf", ()):
        _check_strict(value)


def test_names_are_spelled_for_the_wire() -> None:
    class Generic(BaseModel):
        """A class with a title."""

        model_config = {"title": "A list[of] things, " + "long " * 30}

    assert name_of(Person) == "Person"
    assert name_of(Generic).startswith("A_list_of_things_long")
    assert len(name_of(Generic)) <= 64


@pytest.mark.parametrize("model", ["openai/gpt-4o", "some/model"])
def test_a_bare_list_is_asked_for_in_words(model: str) -> None:
    host = Host([whole('["a", "b"]')])
    assert host.llm(model).structured_predict(Names, PROMPT, what="it") == Names(["a", "b"])
    assert host.bodies[0].keys() == {"model", "messages"}


def test_a_class_that_holds_itself_can_be_asked_for() -> None:
    host = Host([whole(None, "tool_calls", tool_calls=[call("Node", '{"value": 1, "next": {"value": 2}}')])])
    assert host.llm().structured_predict(Node, PROMPT, what="it") == Node(value=1, next=Node(value=2))
    assert host.bodies[0]["tools"][0]["function"]["parameters"]["type"] == "object"


async def test_what_cannot_be_asked_for_is_refused_by_name() -> None:
    llm = Host([whole(TEXT)]).llm(pydantic_program_mode=PydanticProgramMode.GUIDANCE)
    with pytest.raises(InvalidRequestError, match="`pydantic_program_mode` is guidance"):
        llm.structured_predict(Person, PROMPT, what="it")
    for form in FORMS:
        with pytest.raises(InvalidRequestError, match="`output_cls` is <class 'str'>"):
            await _objects(form, Host([whole(TEXT)]).llm(), str)


@pytest.mark.parametrize("form", FORMS[2:])
async def test_a_structured_stream_left_early_frees_its_connection(form: str) -> None:
    host = Host([_told(TEXT)])
    given = getattr(host.llm(), form)(Person, PROMPT, what="it")
    if form.startswith("a"):
        given = await given
        await anext(given)
        await given.aclose()
    else:
        next(given)
        given.close()
    assert host.streams[0].is_closed


class Essay(BaseModel):
    """Long, and strict about its date."""

    model_config = {"strict": True}

    day: date
    text: str


@pytest.mark.parametrize("stream_of", [_told, _called])
def test_a_long_answer_is_not_read_anew_with_every_piece(stream_of: Any) -> None:
    text = json.dumps({"day": "2026-01-02", "text": "word " * 2_000})
    objects = list(Host([stream_of(text)]).llm().stream_structured_predict(Essay, PROMPT, what="it"))
    assert objects[-1] == Essay(day=date(2026, 1, 2), text="word " * 2_000)
    assert 64 < len(objects) < 500
    lengths = [len(value.text or "") for value in objects]  # type: ignore[attr-defined]  # the same fields
    assert lengths == sorted(lengths)


STRINGS = {**json.loads(TEXT), "tags": '["x", "y"]', "inner": '{"x": 1}'}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [json.dumps(STRINGS), json.dumps(TEXT), json.dumps(json.dumps(STRINGS))])
@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("model", ["openai/gpt-4o", "some/model"])
async def test_a_string_that_spells_what_the_class_wants_is_that(
    form: str, text: str, is_call: bool, model: str
) -> None:
    if is_call:
        host = Host(
            [_called(text) if "stream" in form else whole(None, "tool_calls", tool_calls=[call("Person", text)])]
        )
    else:
        host = Host([_told(text) if "stream" in form else whole(text)])
    objects = await _objects(form, host.llm(model, should_use_structured_outputs=not is_call))
    assert objects[-1] == ADA
    assert all(not isinstance(getattr(value, "tags", None), str) for value in objects[-3:])


async def test_the_frameworks_own_program_and_a_structured_llm_take_such_strings_too() -> None:
    reply = whole(None, "tool_calls", tool_calls=[call("Person", json.dumps(json.dumps(STRINGS)))])
    llm = Host([reply]).llm()
    program = FunctionCallingProgram.from_defaults(Person, "Make {what}", llm=llm)
    assert program(what="it") == await program.acall(what="it") == ADA
    assert llm.as_structured_llm(Person).chat([ChatMessage("Hi")]).raw == ADA
