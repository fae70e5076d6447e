"""Kinds of schemas, an answer to each, and a host that is as strict about them as OpenAI documents strict output to be."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, NamedTuple, Optional, TypeVar, Union
from urllib.parse import unquote

import httpx
import pydantic.v1
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, RootModel, computed_field
from typing_extensions import NotRequired, Required, TypedDict

T = TypeVar("T")


class Card(BaseModel):
    kind: Literal["card"]
    number: int


class Transfer(BaseModel):
    kind: Literal["transfer"]
    account: int


Payment = Annotated[Card | Transfer, Field(discriminator="kind")]


class Order(BaseModel):
    """An order."""

    paid_by: Payment
    refunds: list[Payment] = []


class MaybeOrder(BaseModel):
    paid_by: Optional[Payment] = None  # noqa: UP045  # as users write it
    choice: Card | list[Transfer] | None = None


class Described(BaseModel):
    card: Card = Field(description="The card.")
    both: Card = Field(Card(kind="card", number=1), description="Another.")


class Node(BaseModel):
    """A tree."""

    value: int
    left: Node | None = Field(None, description="The left one.")
    kids: list[Node] = Field(default_factory=list)


class Even(BaseModel):
    odd: Odd | None = None


class Odd(BaseModel):
    even: Even | None = None


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Shade(str, enum.Enum):
    DARK = "dark"
    LIGHT = "light"


class Literals(BaseModel):
    color: Color
    shade: Shade = Shade.DARK
    any_of: Literal[1, "a", None] = 1
    fixed: Literal["only"] = "only"


class Limits(BaseModel):
    number: Annotated[int, Field(ge=1, le=5)]
    text: Annotated[str, Field(min_length=2, max_length=5, pattern="^a")]
    some: Annotated[list[int], Field(min_length=1, max_length=3)]
    unlike: set[str]
    day: datetime.date
    address: str = Field("x", json_schema_extra={"format": "uri"}, examples=["https://a.b"])


class Computed(BaseModel):
    one: int

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def two(self) -> int:
        return self.one + 1


class Renamed(BaseModel):
    class_: str = Field(alias="class")
    number: int = Field(3, validation_alias=AliasChoices("num", "number"))


class Keywords(BaseModel):
    """Its keys are words of JSON Schema."""

    title: str
    default: int = 3
    properties: str | None = None
    enum: list[str] = []
    required: bool = False


class Forbidding(BaseModel):
    model_config = ConfigDict(extra="forbid")
    one: int


class Empty(BaseModel):
    """Has no fields."""


class Box(BaseModel, Generic[T]):
    item: T


class OldInner(pydantic.v1.BaseModel):
    number: int


class Old(pydantic.v1.BaseModel):
    """A class of Pydantic 1."""

    name: str
    inner: OldInner = pydantic.v1.Field(..., description="Inside.")
    maybe: Optional[int] = None  # noqa: UP045  # Pydantic 1 knows no other


@dataclasses.dataclass
class Plain:
    """A dataclass."""

    name: str
    tags: list[str] = dataclasses.field(default_factory=list)
    age: int = 3


class Partial(TypedDict, total=False):
    note: str
    size: int


class Noted(TypedDict):
    """A TypedDict."""

    name: Required[str]
    inner: NotRequired[Partial]
    many: list[Partial]
    rating: Annotated[Optional[int], None, "How good."]  # noqa: UP045  # as LangChain's users write it


class Cards(RootModel[list[Card | Transfer]]):
    """A bare list."""


class Choice(RootModel[Payment]):
    """A bare union."""


class Wrapped(RootModel[Card]):
    """A class in a class."""


class Nest(RootModel[list["Nest"]]):
    """A list of itself."""


class Counts(BaseModel):
    counts: dict[str, int]


class Deep(BaseModel):
    inner: list[dict[str, dict[str, Card]]]


class Pair(BaseModel):
    both: tuple[int, str]


class Anything(BaseModel):
    thing: Any


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")
    one: int


class Named(RootModel[dict[str, int]]):
    """Any names."""


class Kind(NamedTuple):
    """A schema, the JSON of an answer to it, and what that is."""

    schema: Any
    answer: Any
    value: Any
    loose: str | None = None
    """The field for which there is no strict form."""


CARD: dict[str, Any] = {"kind": "card", "number": 3}
TRANSFER: dict[str, Any] = {"kind": "transfer", "account": 4}
FREE: dict[str, Any] = {"day": datetime.date(2026, 1, 2)}
MODELS = {
    "discriminator": Kind(Order, {"paid_by": TRANSFER, "refunds": [CARD]}, Order(paid_by=Transfer(**TRANSFER), refunds=[Card(**CARD)])),
    "discriminator left out": Kind(Order, {"paid_by": CARD}, Order(paid_by=Card(**CARD))),
    "optional union": Kind(MaybeOrder, {"paid_by": CARD, "choice": [TRANSFER]}, MaybeOrder(paid_by=Card(**CARD), choice=[Transfer(**TRANSFER)])),
    "optional union left out": Kind(MaybeOrder, {}, MaybeOrder()),
    "reference with a description": Kind(Described, {"card": CARD}, Described(card=Card(**CARD))),
    "holds itself": Kind(Node, {"value": 1, "left": {"value": 2}, "kids": [{"value": 3}]}, Node(value=1, left=Node(value=2), kids=[Node(value=3)])),
    "hold each other": Kind(Even, {"odd": {"even": {}}}, Even(odd=Odd(even=Even()))),
    "enums and literals": Kind(Literals, {"color": 2, "shade": "light", "any_of": "a"}, Literals(color=Color.BLUE, shade=Shade.LIGHT, any_of="a")),
    "constraints": Kind(
        Limits,
        {"number": 2, "text": "abc", "some": [1], "unlike": ["x"], "day": "2026-01-02"},
        Limits(number=2, text="abc", some=[1], unlike={"x"}, day=datetime.date(2026, 1, 2)),
    ),
    "computed": Kind(Computed, {"one": 1}, Computed(one=1)),
    "aliases": Kind(Renamed, {"class": "a", "num": 4}, Renamed(**{"class": "a", "num": 4})),
    "keys that are keywords": Kind(Keywords, {"title": "t", "enum": ["a"]}, Keywords(title="t", enum=["a"])),
    "no others allowed": Kind(Forbidding, {"one": 1}, Forbidding(one=1)),
    "no fields": Kind(Empty, {}, Empty()),
    "generic": Kind(Box[list[Card]], {"item": [CARD]}, Box[list[Card]](item=[Card(**CARD)])),
    "generic of a dict": Kind(Box[dict[str, int]], {"item": {"a": 1}}, Box[dict[str, int]](item={"a": 1}), "item"),
    "root is a class": Kind(Wrapped, CARD, Wrapped(Card(**CARD))),
    "root is a list": Kind(Cards, [CARD, TRANSFER], Cards([Card(**CARD), Transfer(**TRANSFER)])),
    "root is a union": Kind(Choice, TRANSFER, Choice(Transfer(**TRANSFER))),
    "root is a list of itself": Kind(Nest, [[], [[]]], Nest([Nest([]), Nest([Nest([])])])),
    "root is a dict": Kind(Named, {"a": 1}, Named({"a": 1}), "Named"),
    "dict": Kind(Counts, {"counts": {"a": 1}}, Counts(counts={"a": 1}), "Counts.counts"),
    "dict of dicts": Kind(Deep, {"inner": [{"a": {"b": CARD}}]}, Deep(inner=[{"a": {"b": Card(**CARD)}}]), "Deep.inner[]"),
    "tuple": Kind(Pair, {"both": [1, "a"]}, Pair(both=(1, "a")), "Pair.both"),
    "anything": Kind(Anything, {"thing": [1]}, Anything(thing=[1]), "Anything.thing"),
    "further keys": Kind(Extra, {"one": 1, "two": 2}, Extra(**{"one": 1, "two": 2}), "Extra"),
}  # fmt: skip
"""Classes of Pydantic 2, which both frameworks take."""

OTHERS = {
    "union": Kind(Card | Transfer, TRANSFER, Transfer(**TRANSFER)),
    "Union": Kind(Union[Card, Transfer], TRANSFER, Transfer(**TRANSFER)),  # noqa: UP007  # as users write it
    "annotated union": Kind(Payment, CARD, Card(**CARD)),
    "enum": Kind(Color, 2, Color.BLUE),
    "dataclass": Kind(Plain, {"name": "a"}, Plain("a")),
    "TypedDict": Kind(Noted, {"name": "a", "inner": {"size": 1}, "many": [{}], "rating": 3}, {"name": "a", "inner": {"size": 1}, "many": [{}], "rating": 3}),
    "TypedDict of which no key is required": Kind(Partial, {"note": "n"}, {"note": "n"}),
    "Pydantic 1": Kind(Old, {"name": "a", "inner": {"number": 1}}, Old(name="a", inner=OldInner(number=1))),
}  # fmt: skip
"""Other classes and types, whose instances LangChain's users ask for."""


def of(properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "Thing", "type": "object", "properties": dict(properties), **more}


TEXT = {"type": "string"}
PERSON = {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}
SCHEMAS = {
    "names with slashes": Kind(
        of({"a": {"$ref": "#/$defs/x~1y"}, "b": {"$ref": "#/$defs/p%20q"}}, **{"$defs": {"x/y": TEXT, "p q": PERSON}}),
        {"a": "x", "b": {"name": "n"}}, {"a": "x", "b": {"name": "n"}},
    ),
    "a list": Kind(
        {"title": "People", "type": "array", "items": {"$ref": "#/$defs/P"}, "$defs": {"P": PERSON}}, [{"name": "n"}], [{"name": "n"}]
    ),
    "anyOf": Kind({"title": "One", "anyOf": [PERSON, of({"b": {"type": "integer"}})]}, {"b": 1}, {"b": 1}),
    "oneOf": Kind({"title": "One", "oneOf": [PERSON, {"type": "null"}]}, {"name": "n"}, {"name": "n"}),
    "a text": Kind({"title": "Word", "enum": ["a", "b"]}, "a", "a"),
    "allOf": Kind({"title": "All", "allOf": [PERSON, {"$ref": "#/$defs/B"}], "$defs": {"B": of({"b": {"type": "integer"}})}}, {"name": "n", "b": 1}, {"name": "n", "b": 1}),
    "a reference at the root": Kind({"title": "Ref", "$ref": "#/$defs/X", "$defs": {"X": PERSON}}, {"name": "n"}, {"name": "n"}),
    "itself": Kind(of({"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "v": {"type": "integer"}}, required=["v"]), {"v": 1, "next": {"v": 2, "next": None}}, {"v": 1, "next": {"v": 2, "next": None}}),
    "itself in a list": Kind({"title": "Lists", "type": "array", "items": {"anyOf": [{"$ref": "#"}, {"type": "integer"}]}}, [1, [2]], [1, [2]]),
    "lists of types": Kind(
        of({"a": {"type": ["object", "null"], "properties": {"q": TEXT}}, "e": {"enum": ["a", 1, None]}, "c": {"const": 3}}),
        {"a": {"q": "x"}, "e": 1, "c": 3}, {"a": {"q": "x"}, "e": 1, "c": 3},
    ),
    "nullable, as OpenAPI has it": Kind(of({"a": {"type": "string", "nullable": True}}, required=["a"]), {"a": None}, {"a": None}),
    "no type at the root": Kind({"title": "Bare", "properties": {"a": TEXT}}, {"a": "x"}, {"a": "x"}),
    "no title": Kind(PERSON, {"name": "n"}, {"name": "n"}),
    "definitions, as they were called": Kind(
        of({"x": {"$ref": "#/definitions/X", "description": "An x."}}, definitions={"X": PERSON}), {"x": {"name": "n"}}, {"x": {"name": "n"}}
    ),
    "a schema that is true": Kind(of({"a": True, "b": TEXT}), {"a": [1], "b": "x"}, {"a": [1], "b": "x"}, "Thing.a"),
    "a schema that is false": Kind(of({"a": False, "b": TEXT}), {"b": "x"}, {"b": "x"}, "Thing.a"),
    "a missing reference": Kind(of({"a": {"$ref": "#/$defs/None"}}), {"a": 1}, {"a": 1}, "Thing.a"),
    "not": Kind(of({"a": {"not": TEXT}}), {"a": 1}, {"a": 1}, "Thing.a"),
    "patterns": Kind(of({"a": {"type": "object", "patternProperties": {"^x": TEXT}}}), {"a": {"x": "y"}}, {"a": {"x": "y"}}, "Thing.a"),
    "an object of any keys": Kind({"title": "Thing", "type": "object"}, {"a": 1}, {"a": 1}, "Thing"),
    "properties that are none": Kind({"title": "Thing", "type": "object", "properties": None}, {"a": 1}, {"a": 1}, "Thing"),
}  # fmt: skip
"""JSON schemas as dicts."""

ALL = {**MODELS, **OTHERS, **SCHEMAS}

_KEYWORDS = frozenset(
    (
        *("type", "properties", "required", "additionalProperties", "items", "anyOf", "$ref", "$defs", "enum", "const"),
        *("title", "description", "pattern", "format", "multipleOf", "maximum", "minimum"),
        *("exclusiveMaximum", "exclusiveMinimum", "minItems", "maxItems"),
    )
)
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")


def faults(schema: Any, root: Any = None, path: str = "$") -> list[str]:
    """What strict output refuses of a schema.

    Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
    """
    if not isinstance(schema, dict):
        return [f"{path} is {schema!r}"]
    problems = [f"{path} has {keyword}" for keyword in schema if keyword not in _KEYWORDS]
    if root is None:
        root = schema
        problems += ["the root is no object"] if schema.get("type") != "object" or "anyOf" in schema else []
    if "$ref" in schema:
        problems += [f"{path} has company"] if len(schema) > 1 else []
        target = root
        for step in schema["$ref"].split("/")[1:]:
            target = target.get(unquote(step)) if isinstance(target, dict) else None
        return problems + ([] if isinstance(target, dict) else [f"{path} refers to nothing"])
    if "anyOf" not in schema and "type" not in schema:
        problems.append(f"{path} has no type")
    types = schema.get("type")
    types = types if isinstance(types, list) else [types]
    if "object" in types:
        properties = schema.get("properties")
        if not isinstance(properties, dict) or schema.get("required") != list(properties):
            problems.append(f"{path} requires {schema.get('required')}")
        if schema.get("additionalProperties") is not False:
            problems.append(f"{path} is open")
    if "array" in types and "items" not in schema:
        problems.append(f"{path} is a list of anything")
    if schema.get("format", "date") not in _FORMATS:
        problems.append(f"{path} has the format {schema['format']}")
    for group in ("properties", "$defs"):
        for name, inner in (schema.get(group) or {}).items():
            problems += faults(inner, root, f"{path}.{name}")
    problems += faults(schema["items"], root, f"{path}[]") if "items" in schema else []
    for inner in schema.get("anyOf") or ():
        problems += faults(inner, root, path)
    return problems


def completed(answer: Any, schema: Any, root: Any) -> Any:
    """The answer with null for each key that is required and missing, as a model held to the schema gives it."""
    while isinstance(schema, dict) and "$ref" in schema:
        target = root
        for step in schema["$ref"].split("/")[1:]:
            target = target[unquote(step)]
        schema = target
    if isinstance(schema, dict) and "anyOf" in schema:
        fitting = [inner for inner in schema["anyOf"] if _accepts(inner, answer, root)]
        return completed(answer, fitting[0], root) if fitting else answer
    if isinstance(answer, list) and isinstance(schema, dict) and "items" in schema:
        return [completed(inner, schema["items"], root) for inner in answer]
    if isinstance(answer, dict) and isinstance(schema, dict):
        full = {
            name: completed(inner, (schema.get("properties") or {}).get(name), root) for name, inner in answer.items()
        }
        return {**dict.fromkeys(schema.get("required") or ()), **full}
    return answer


def _accepts(schema: Any, answer: Any, root: Any) -> bool:
    while "$ref" in schema:
        target = root
        for step in schema["$ref"].split("/")[1:]:
            target = target[unquote(step)]
        schema = target
    if "anyOf" in schema:
        return any(_accepts(inner, answer, root) for inner in schema["anyOf"])
    kinds = schema.get("type")
    name = {dict: "object", list: "array", type(None): "null", str: "string"}.get(type(answer), "integer")
    if name not in (kinds if isinstance(kinds, list) else [kinds]):
        return False
    if not isinstance(answer, dict):
        return True
    properties = schema.get("properties") or {}
    fixed = {key: inner["const"] for key, inner in properties.items() if "const" in inner}
    return answer.keys() <= properties.keys() and all(answer.get(key) == value for key, value in fixed.items())


class StrictHost:
    """Answers with one value in the shape that it is asked for; refuses a schema that breaks the rules it claims to keep.

    Attributes:
        completes: whether null stands for each required key that the answer lacks.
        asked: of each request, the part that holds the schema: a function, or the inner half of a format.
    """

    def __init__(self, answer: Any, *, completes: bool = True) -> None:
        self.answer = answer
        self.completes = completes
        self.asked: list[dict[str, Any]] = []

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self.reply))

    def async_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.reply))

    def reply(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        by_responses = request.url.path.endswith("/responses")
        tool = body["tools"][0] if body.get("tools") else None
        asked: dict[str, Any] = {}
        if tool is not None:
            asked = tool if by_responses else tool["function"]
        elif by_responses and body.get("text"):
            asked = body["text"]["format"]
        elif body.get("response_format"):
            asked = body["response_format"]["json_schema"]
        self.asked.append(asked)
        schema = asked.get("parameters") or asked.get("schema")
        problems = ["the root is no object"] if schema and schema.get("type") != "object" else []
        if asked.get("strict"):
            problems = faults(schema)
        if problems:
            return httpx.Response(400, json={"error": {"message": f"Invalid schema: {'; '.join(problems)}"}})
        value = self.answer
        if schema and (schema.get("properties") or {}).keys() == {"value"}:
            value = {"value": value}
        if asked.get("strict") and self.completes:
            value = completed(value, schema, schema)
        text = json.dumps(value)
        make = _response if by_responses else _completion
        return make(text, asked["name"] if tool is not None else None, bool(body.get("stream")))


def _completion(text: str, tool: str | None, is_stream: bool) -> httpx.Response:
    head = {"id": "c1", "created": 1, "model": "m"}
    pieces = [text[at : at + 5] for at in range(0, len(text), 5)]

    def said(piece: str, first: bool = False) -> dict[str, Any]:
        if tool is None:
            return {"content": piece}
        named = {"id": "call_1", "type": "function"} if first else {}
        function = {"name": tool, "arguments": piece} if first else {"arguments": piece}
        return {"tool_calls": [{"index": 0, **named, "function": function}]}

    finish = "stop" if tool is None else "tool_calls"
    if not is_stream:
        message = {"role": "assistant", "content": None, **said(text, True)}
        return httpx.Response(
            200, json={**head, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
        )
    events: list[Any] = [
        {**head, "choices": [{"index": 0, "delta": said(piece, place == 0)}]} for place, piece in enumerate(pieces)
    ]
    events.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    data = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return httpx.Response(200, content=data.encode(), headers={"content-type": "text/event-stream"})


def _response(text: str, tool: str | None, is_stream: bool) -> httpx.Response:
    part = {"type": "output_text", "text": text, "annotations": []}
    item: dict[str, Any] = {
        "type": "message",
        "id": "i1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    if tool is not None:
        item = {"type": "function_call", "id": "i1", "call_id": "call_1", "name": tool, "arguments": text}
    response = {
        "id": "r1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "status": "completed",
        "output": [item],
    }
    if not is_stream:
        return httpx.Response(200, json=response)
    pieces = [text[at : at + 5] for at in range(0, len(text), 5)]
    begun = {**item, "content": []} if tool is None else {**item, "arguments": ""}
    place = {"output_index": 0, "item_id": "i1"}
    if tool is None:
        deltas = [{"type": "response.output_text.delta", **place, "content_index": 0, "delta": one} for one in pieces]
    else:
        deltas = [{"type": "response.function_call_arguments.delta", **place, "delta": one} for one in pieces]
    events = [
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": begun},
        *deltas,
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": response},
    ]
    data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return httpx.Response(200, content=data.encode(), headers={"content-type": "text/event-stream"})
