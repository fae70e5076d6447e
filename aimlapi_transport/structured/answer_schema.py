"""What a model is asked for when an answer must fit a schema, and how its answer is read. Pure.

The wire takes an object at the root only. A list, a union or a text travels as the one key of an object, and is taken
out again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aimlapi_transport.chat.coercion import coerce
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.json_schema import ALL_TYPES, json_types, references, resolve, subschema
from aimlapi_transport.structured.strict import strict_schema

WRAPPER_KEY = "value"
"""The key under which an answer travels that is no object."""

_DEFINITIONS = ("$defs", "definitions")
_NAMED = ("properties", "patternProperties", "dependentSchemas", *_DEFINITIONS)  # their keys are names, no keywords
_LITERALS = ("const", "enum", "default", "examples")


@dataclass(frozen=True)
class AnswerSchema:
    """The schema of an answer, in the forms that it travels in.

    Attributes:
        name: 1 to 64 of `A-Za-z0-9_-`.
        schema: as it travels: its root is an object.
        description: what the answer is; empty where nothing says it.
        strict: whether the model is held to it; None leaves that out.
        problem: why it is not strict although that was asked for, with the field; None where all is well.
        original: the schema of the answer itself.
        is_wrapped: whether the answer travels as the one key of an object.
    """

    name: str
    schema: Json
    description: str
    strict: bool | None
    problem: str | None
    original: Json
    is_wrapped: bool

    def response_format(self) -> Json:
        """The `response_format` of a request."""
        return {"type": "json_schema", "json_schema": self._named("schema", self.schema)}

    def tool(self) -> Json:
        """A tool whose arguments are the answer."""
        parameters = {key: value for key, value in self.schema.items() if key not in ("title", "description")}
        return {"type": "function", "function": self._named("parameters", parameters)}

    def instruction(self) -> str:
        """What to say to a model that takes no parameter for a schema."""
        described = {"description": self.description} if self.description else {}
        schema = {"title": self.name, **described, **self.original}
        return (
            "Answer with one JSON value that fits this JSON schema, and with nothing else, no code fence:\n"
            f"{json.dumps(schema, ensure_ascii=False)}"
        )

    def _named(self, key: str, schema: Json) -> Json:
        described = {"description": self.description} if self.description else {}
        strict = {} if self.strict is None else {"strict": self.strict}
        return {"name": self.name, **described, key: schema, **strict}

    def value(self, answer: Any) -> Any:
        """The answer as the original schema wants it: unwrapped, its strings coerced, without nulls for what is absent.

        Args:
            answer: parsed JSON, which may be a part of an answer.
        """
        answer = coerce(answer, self.schema)
        if self.is_wrapped and isinstance(answer, dict) and answer.keys() == {WRAPPER_KEY}:
            answer = answer[WRAPPER_KEY]
        answer = coerce(answer, self.original)
        return _without_nulls(answer, self.original, self.original) if self.strict else answer


def answer_schema(
    schema: Mapping[str, Any],
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
) -> AnswerSchema:
    """The forms of a JSON schema. The schema itself is not changed.

    Args:
        name: by default the schema's title, else `answer`.
        description: by default the schema's own.
        strict: True asks for the strict form; where there is none, `problem` says why and `strict` is False.
    """
    original = dict(schema)
    title = str(name or original.get("title") or "")
    travelling, is_wrapped = object_schema(original)
    problem = None
    if strict:
        travelling, problem = strict_schema(travelling, name=title, null_for_absent=True)
    return AnswerSchema(
        name=plain_name(title),
        schema=travelling,
        description=str(original.get("description") or "") if description is None else description,
        strict=strict if problem is None else False,
        problem=problem,
        original=original,
        is_wrapped=is_wrapped,
    )


def plain_name(name: str) -> str:
    """A name the wire takes: 1 to 64 of `A-Za-z0-9_-`; `answer` where nothing is left.

    A name that is one already stays: a tool is chosen by it.
    """
    if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) and name.strip("_-"):
        return name
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:64].strip("_") or "answer"


def object_schema(schema: Json) -> tuple[Json, bool]:
    """A schema with an object at its root: the schema itself, its root written out, or one around it; and whether it is
    one around it."""
    definitions = {group: schema[group] for group in _DEFINITIONS if isinstance(schema.get(group), Mapping)}
    root: Mapping[str, Any] = schema
    refs: list[str] = []
    while isinstance(root.get("$ref"), str) and root["$ref"] not in refs:
        refs.append(root["$ref"])
        target = resolve(root["$ref"], schema)
        if not isinstance(target, Mapping):
            break
        root = {**target, **{key: value for key, value in root.items() if key != "$ref" and key not in definitions}}
    types = json_types(root, schema)
    is_union = any(root.get(word) for word in ("anyOf", "oneOf"))
    if not is_union and "$ref" not in root and (types == {"object"} or types == ALL_TYPES or "properties" in root):
        if root is schema and root.get("type") == "object" and isinstance(root.get("properties"), Mapping):
            return schema, False
        written_out = {**root, "type": "object", **definitions}
        if not isinstance(written_out.get("properties"), Mapping):  # the wire wants some
            written_out = {**written_out, "properties": {}}
            written_out.setdefault("additionalProperties", True)
        return written_out, False
    inner: Json = {key: value for key, value in schema.items() if key not in definitions}
    if any(not _is_of_definition(ref) for ref in references(schema)):  # to the old root, or into it
        name = "root"
        while name in definitions.get("$defs", {}):
            name += "_"
        definitions = _moved(definitions, name)
        definitions["$defs"] = {**definitions.get("$defs", {}), name: _moved(inner, name)}
        inner = {"$ref": f"#/$defs/{name}"}
    return {"type": "object", "properties": {WRAPPER_KEY: inner}, "required": [WRAPPER_KEY], **definitions}, True


def _is_of_definition(ref: str) -> bool:
    return not ref.startswith("#") or ref.startswith(tuple(f"#/{group}/" for group in _DEFINITIONS))


def _moved(schema: Any, name: str) -> Any:
    """The schema with its references to the old root turned to the definition of this name."""
    if isinstance(schema, list):
        return [_moved(inner, name) for inner in schema]
    if not isinstance(schema, Mapping):
        return schema
    moved: Json = {}
    for keyword, value in schema.items():
        if keyword in _NAMED and isinstance(value, Mapping):
            moved[keyword] = {key: _moved(inner, name) for key, inner in value.items()}
        elif keyword == "$ref" and isinstance(value, str) and not _is_of_definition(value):
            moved[keyword] = f"#/$defs/{name}{value[1:]}"
        else:
            moved[keyword] = value if keyword in _LITERALS else _moved(value, name)
    return moved


def _without_nulls(value: Any, schema: Any, root: Json) -> Any:
    """The value without the keys that are null where their schema takes no null."""
    if isinstance(value, list):
        return [_without_nulls(inner, subschema(schema, index, root), root) for index, inner in enumerate(value)]
    if not isinstance(value, dict):
        return value
    values = {}
    for name, inner in value.items():
        part = subschema(schema, name, root)
        if inner is not None or part is None or "null" in json_types(part, root):
            values[name] = _without_nulls(inner, part, root)
    return values
