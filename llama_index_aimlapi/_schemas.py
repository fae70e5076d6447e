"""Classes -> the schemas a model is held to. Pure.

Strict output is held to a part of JSON Schema: every object closed, every property required, no defaults.
Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import InvalidRequestError

# Keywords of which strict output knows nothing: a schema that has one is sent as a wish, not as a rule.
_UNKNOWN = frozenset(
    (
        *("allOf", "not", "if", "then", "else", "prefixItems", "patternProperties", "propertyNames", "contains"),
        *("dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "uniqueItems"),
        *("minProperties", "maxProperties"),
    )
)
_LOST = ("default", "discriminator")  # what only describes the class


def schema_of(cls: type[BaseModel]) -> Json:
    """The class's JSON schema, with its root written out where it is a reference (a class that holds itself)."""
    schema = cls.model_json_schema()
    root = schema.get("$ref")
    if isinstance(root, str) and len(schema) <= 2:
        named = schema.get("$defs", {}).get(root.rpartition("/")[2], {})
        schema = {**named, "$defs": schema.get("$defs", {})}
    return schema


def name_of(cls: type[BaseModel]) -> str:
    """The class's name as the wire allows it: 1 to 64 of `A-Za-z0-9_-`."""
    title = cls.model_json_schema().get("title") or cls.__name__
    return re.sub(r"[^A-Za-z0-9_-]+", "_", title).strip("_")[:64] or "answer"


def tool_of(cls: type[BaseModel], *, strict: bool = False) -> Json:
    """A tool whose arguments are an instance of the class."""
    schema = schema_of(cls)
    function: Json = {
        "name": name_of(cls),
        "description": schema.get("description") or f"The answer, a {cls.__name__}.",
    }
    schema = {name: value for name, value in schema.items() if name not in ("title", "description")}
    function["parameters"] = schema
    if strict:
        function["parameters"], function["strict"] = strict_schema(schema)
    return {"type": "function", "function": function}


def to_response_format(value: Any) -> Any:
    """`response_format` as it travels: a Pydantic class becomes its schema, all else stays as it is.

    Raises:
        InvalidRequestError: a class that is no Pydantic model.
    """
    if not isinstance(value, type):
        return value
    if not issubclass(value, BaseModel):
        raise InvalidRequestError(
            f"`response_format` is the class {value.__name__}: pass a Pydantic class, or the wire's own object."
        )
    schema, is_strict = strict_schema(schema_of(value))
    return {"type": "json_schema", "json_schema": {"name": name_of(value), "schema": schema, "strict": is_strict}}


def strict_schema(schema: Mapping[str, Any]) -> tuple[Json, bool]:
    """The schema as strict output wants it, and True; or the schema itself and False, where it cannot be held to."""
    if schema.get("type") != "object":
        return dict(schema), False
    try:
        return _strict(dict(schema)), True
    except _NotStrictError:
        return dict(schema), False


class _NotStrictError(Exception):
    """The schema says something that strict output cannot."""


def _strict(schema: Any) -> Any:
    if not isinstance(schema, dict):
        raise _NotStrictError  # `true`: anything
    if not schema.keys().isdisjoint(_UNKNOWN):
        lone = schema.get("allOf")
        if not isinstance(lone, list) or len(lone) != 1 or not isinstance(lone[0], dict):
            raise _NotStrictError
        schema = {**lone[0], **{name: value for name, value in schema.items() if name != "allOf"}}
        return _strict(schema)
    strict = {name: value for name, value in schema.items() if name not in _LOST}
    for name in ("$defs", "definitions"):
        if name in strict:
            strict[name] = {key: _strict(value) for key, value in strict[name].items()}
    if "$ref" in strict:
        beside = {name: value for name, value in strict.items() if name != "$ref"}
        # A reference may have no company, but a union of one may.
        return {"anyOf": [{"$ref": strict["$ref"]}], **beside} if beside else strict
    if "oneOf" in strict:
        strict["anyOf"] = strict.pop("oneOf")
    if "anyOf" in strict:
        strict["anyOf"] = [_strict(value) for value in strict["anyOf"]]
    elif "type" not in strict and "enum" not in strict and "const" not in strict:
        raise _NotStrictError  # anything
    if strict.get("type") == "array":
        if "items" not in strict:
            raise _NotStrictError
        strict["items"] = _strict(strict["items"])
    if strict.get("type") == "object":
        if "properties" not in strict or strict.get("additionalProperties"):
            raise _NotStrictError  # an object of any keys
        strict["properties"] = {name: _strict(value) for name, value in strict["properties"].items()}
        strict["required"] = list(strict["properties"])
        strict["additionalProperties"] = False
    return strict
