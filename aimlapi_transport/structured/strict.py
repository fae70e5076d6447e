"""A JSON schema -> the part of JSON Schema that strict output is held to. Pure.

Every object is closed and requires all its keys; there are unions (`anyOf`), but no other combination; a reference
stands alone. What only describes goes into the description. A schema that says what strict output cannot is not strict.
Source: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import JsonError, dumps
from aimlapi_transport.json_schema import UNIONS, json_type, json_types, resolve
from aimlapi_transport.user_warnings import warn_not_strict

_KEPT = frozenset(
    (
        *("type", "title", "description", "enum", "const", "pattern", "format", "multipleOf"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems"),
    )
)
_FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"))
# What is not enforced, but helps a model that reads it.
_HINTS = (
    *("default", "examples", "format", "minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties"),
    *("contentEncoding", "contentMediaType"),
)
# What would change the meaning if it were left out.
_UNSUPPORTED = (
    *("not", "if", "then", "else", "prefixItems", "additionalItems", "patternProperties", "propertyNames", "contains"),
    *("dependentRequired", "dependentSchemas", "dependencies", "$dynamicRef", "$recursiveRef"),
)
_MERGED = frozenset(("type", "properties", "required", "title", "description", "additionalProperties", "$defs"))
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class Strict(NamedTuple):
    """A schema for strict output.

    Attributes:
        schema: the strict form; a copy of the schema as it was, where it has none.
        problem: why there is none, with the field, as `Order.counts accepts any keys`; None where all is well.
    """

    schema: Json
    problem: str | None = None


def strict_schema(schema: Mapping[str, Any], *, name: str = "", null_for_absent: bool = False) -> Strict:
    """The strict form of a schema whose root is an object. The schema itself is not changed.

    Args:
        name: what a problem calls the root; by default its title.
        null_for_absent: a key that may be absent may be null instead, as strict output requires every key. Only for
            who takes the nulls out again, see `AnswerSchema.value`.
    """
    transform = _Transform(schema, null_for_absent)
    try:
        return Strict(transform.root(name or str(schema.get("title") or "the schema")))
    except _NotStrictError as error:
        return Strict(dict(schema), str(error))
    except RecursionError:
        return Strict(dict(schema), f"{name or 'the schema'} is nested too deep")


def report(problem: str | None, *, was_asked: bool = True, refuse: bool = False) -> None:
    """Warns once of a schema that is sent although it cannot be strict, or refuses it.

    Args:
        problem: a `Strict.problem`; None is none.
        was_asked: whether the user asked for strict output, not we by ourselves.
        refuse: raise where the user did.

    Raises:
        InvalidRequestError: as `refuse` says.
    """
    if problem is None:
        return
    if was_asked and refuse:
        raise InvalidRequestError(
            f"{problem}, which strict output does not support: change the schema, or leave `strict` out."
        )
    warn_not_strict(problem, was_asked=was_asked)


class _NotStrictError(Exception):
    """The schema says something that strict output cannot."""


class _Transform:
    def __init__(self, schema: Mapping[str, Any], null_for_absent: bool) -> None:
        self._root = schema
        self._null_for_absent = null_for_absent
        self._refs: dict[str, str] = {}  # references to definitions, as they were and as they are

    def root(self, name: str) -> Json:
        definitions: Json = {}
        for group in ("$defs", "definitions"):
            members = self._root.get(group)
            for key, inner in members.items() if isinstance(members, Mapping) else ():
                plain = _unused(key, definitions)
                definitions[plain] = inner
                self._refs[_pointer(group, key)] = f"#/$defs/{plain}"
        schema = {key: value for key, value in self._root.items() if key not in ("$defs", "definitions")}
        if json_types(self._root, self._root) != {"object"}:
            raise _NotStrictError(f"{name} is not an object")
        strict = self.schema(schema, name)
        if definitions:
            strict["$defs"] = {key: self.schema(inner, key) for key, inner in definitions.items()}
        return strict

    def schema(self, schema: Any, path: str) -> Json:
        if not isinstance(schema, Mapping):
            raise _NotStrictError(f"{path} {'accepts no value' if schema is False else 'accepts any value'}")
        schema = _without_all_of(schema, self._root, path)
        for keyword in _UNSUPPORTED:
            if schema.get(keyword) not in (None, {}, []):
                raise _NotStrictError(f"{path} has `{keyword}`")
        strict = {key: value for key, value in schema.items() if key in _KEPT}
        if "format" in strict and strict["format"] not in _FORMATS:
            del strict["format"]
        if hints := _hints(schema, strict):
            strict["description"] = f"{strict.get('description', '')} ({hints})".strip()
        if "$ref" in schema:
            strict = self._reference(schema["$ref"], strict, path)
        elif any(schema.get(word) for word in UNIONS):
            strict["anyOf"] = self._union(schema, path)
        else:
            self._typed(schema, strict, path)
        return _nullable(strict) if schema.get("nullable") is True else strict

    def _union(self, schema: Mapping[str, Any], path: str) -> list[Json]:
        unions = [schema[word] for word in UNIONS if schema.get(word)]
        if len(unions) > 1 or not isinstance(unions[0], list):
            raise _NotStrictError(f"{path} combines two unions")
        return [self.schema(inner, path) for inner in unions[0]]

    def _reference(self, ref: Any, beside: Json, path: str) -> Json:
        if not isinstance(ref, str) or resolve(ref, self._root) is None:
            raise _NotStrictError(f"{path} refers to {ref!r}, which does not exist")
        for pointer, renamed in self._refs.items():
            if ref == pointer or resolve(ref, self._root) is resolve(pointer, self._root):
                ref = renamed
                break
        # A reference may have no company, but a union of one may.
        return {"anyOf": [{"$ref": ref}], **beside} if beside else {"$ref": ref}

    def _typed(self, schema: Mapping[str, Any], strict: Json, path: str) -> None:
        literals = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(literals, list):
            if any(isinstance(value, (Mapping, list)) for value in literals):
                raise _NotStrictError(f"{path} has objects or arrays as literal values")
            kinds = list(dict.fromkeys(map(_literal_type, literals)))
            strict.setdefault("type", kinds[0] if len(kinds) == 1 else kinds)
        elif "type" not in strict:
            kind = "object" if "properties" in schema else "array" if "items" in schema else None
            if kind is None:
                raise _NotStrictError(f"{path} accepts any value")
            strict["type"] = kind
        types = strict["type"] if isinstance(strict["type"], list) else [strict["type"]]
        if "array" in types:
            if "items" not in schema:
                raise _NotStrictError(f"{path} is a list of anything")
            strict["items"] = self.schema(schema["items"], f"{path}[]")
        if "object" in types:
            self._object(schema, strict, path)

    def _object(self, schema: Mapping[str, Any], strict: Json, path: str) -> None:
        properties = schema.get("properties")
        closed = schema.get("additionalProperties") is False
        if schema.get("additionalProperties", False) is not False or not (properties is not None or closed):
            raise _NotStrictError(f"{path} accepts any keys")
        if not isinstance(properties or {}, Mapping):
            raise _NotStrictError(f"{path} has invalid `properties`")
        required = schema.get("required")
        required = [required] if isinstance(required, str) else list(required or ())
        unknown = [name for name in required if name not in (properties or {})]
        if unknown:
            raise _NotStrictError(f"{path} requires `{unknown[0]}`, which is not among its properties")
        strict["properties"] = {}
        for name, inner in (properties or {}).items():
            value = self.schema(inner, f"{path}.{name}")
            if self._null_for_absent and name not in required and "null" not in json_types(inner, self._root):
                value = _nullable(value)
            strict["properties"][name] = value
        strict["required"] = list(strict["properties"])
        strict["additionalProperties"] = False


def _without_all_of(schema: Mapping[str, Any], root: Any, path: str) -> Mapping[str, Any]:
    """The schema with the members of its `allOf` in it."""
    members = schema.get("allOf")
    if not members:
        return schema
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    if not isinstance(members, list) or not all(isinstance(member, Mapping) for member in members):
        raise _NotStrictError(f"{path} has an invalid `allOf`")
    if len(members) == 1 and members[0].keys().isdisjoint(rest.keys() - {"title", "description", "default"}):
        return _without_all_of({**members[0], **rest}, root, path)
    merged: Json = {"type": "object", "properties": {}, "required": []}
    for member in [*members, rest]:
        while isinstance(member, Mapping) and isinstance(member.get("$ref"), str) and len(member) == 1:
            member = resolve(member["$ref"], root)
        if not isinstance(member, Mapping) or not member.keys() <= _MERGED or member.get("type", "object") != "object":
            raise _NotStrictError(f"{path} has an `allOf` of more than objects")
        properties = member.get("properties") or {}
        if not merged["properties"].keys().isdisjoint(properties):
            raise _NotStrictError(f"{path} has an `allOf` whose members share a key")
        merged["properties"] |= properties
        merged["required"] += member.get("required") or []
    return merged | {key: rest[key] for key in ("title", "description") if key in rest}


def _nullable(schema: Json) -> Json:
    """The schema with null allowed, too."""
    if "$ref" in schema or "enum" in schema or "const" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]} if "null" not in types else schema


def _hints(schema: Mapping[str, Any], strict: Json) -> str:
    """What is not kept of a schema, and helps a model all the same: `minLength: 2, default: "a"`."""
    hints = []
    for keyword in _HINTS:
        value = schema.get(keyword)
        if value is None or keyword in strict:
            continue
        try:
            hints.append(f"{keyword}: {dumps(value).decode()}")
        except JsonError:
            continue
    return ", ".join(hints)


def _literal_type(value: Any) -> str:
    return "integer" if isinstance(value, int) and not isinstance(value, bool) else json_type(value)


def _pointer(group: str, key: str) -> str:
    return f"#/{group}/" + key.replace("~", "~0").replace("/", "~1")


def _unused(key: str, definitions: Json) -> str:
    """A name for a definition that needs no escape in a reference."""
    plain = key if _PLAIN_NAME.fullmatch(key) else re.sub(r"[^A-Za-z0-9_.-]+", "_", key)
    while plain in definitions:
        plain += "_"
    return plain
