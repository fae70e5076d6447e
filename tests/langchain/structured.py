"""A schema and the answers to it, by each of the ways."""

from __future__ import annotations

import asyncio
from typing import Any

import pydantic.v1
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

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
