"""Finding one's way in a JSON schema: its references, what a value of it may be, the schemas of a value's parts. Pure.

A schema that says nothing about a question excludes nothing; what is not understood neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

Types = frozenset[str]
ALL_TYPES: Types = frozenset(("string", "number", "boolean", "array", "object", "null"))
"""The JSON types; an `integer` is a `number`."""

UNIONS = ("anyOf", "oneOf")


def resolve(ref: str, root: Any) -> Any:
    """What a reference within a schema points at; None where it points outside or at nothing.

    Args:
        ref: `#`, or `#/` and a path of names, with `~0`, `~1` and percent signs as RFC 6901 writes them.
    """
    if ref != "#" and not ref.startswith("#/"):
        return None
    target = root
    for step in ref.split("/")[1:]:
        step = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(target, list) and step.isdecimal() and int(step) < len(target):
            target = target[int(step)]
        elif isinstance(target, Mapping) and step in target:
            target = target[step]
        else:
            return None
    return target


def json_type(value: Any) -> str:
    """The JSON type of a value."""
    if isinstance(value, bool):
        return "boolean"
    for kinds, name in (((int, float), "number"), (str, "string"), (list, "array"), (Mapping, "object")):
        if isinstance(value, kinds):
            return name
    return "null"


def json_types(schema: Any, root: Any, refs: tuple[str, ...] = ()) -> Types:
    """The JSON types that a value of this schema may have.

    Args:
        root: the schema in which references are looked up.
        refs: those on the way here, which end a circle.
    """
    if not isinstance(schema, Mapping):
        return frozenset() if schema is False else ALL_TYPES
    types = ALL_TYPES
    kind = schema.get("type")
    if isinstance(kind, (str, list)):
        names = {str(name).lower() for name in ([kind] if isinstance(kind, str) else kind)}
        types &= {"number" if name == "integer" else name for name in names}
    if isinstance(schema.get("enum"), list):
        types &= {json_type(value) for value in schema["enum"]}
    if "const" in schema:
        types &= {json_type(schema["const"])}
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref not in refs:
        target = resolve(ref, root)
        types &= json_types(True if target is None else target, root, (*refs, ref))
    for word in UNIONS:
        if isinstance(schema.get(word), list) and schema[word]:
            types &= frozenset[str]().union(*(json_types(inner, root, refs) for inner in schema[word]))
    for inner in schema["allOf"] if isinstance(schema.get("allOf"), list) else ():
        types &= json_types(inner, root, refs)
    return types | {"null"} if schema.get("nullable") is True else types


def subschema(schema: Any, step: str | int, root: Any, refs: tuple[str, ...] = ()) -> Any:
    """The schema of a value's property (a name) or item (an index); None where the schema has none."""
    if not isinstance(schema, Mapping):
        return None
    schemas = [_declared(schema, step)]
    ref = schema.get("$ref")
    if isinstance(ref, str) and ref not in refs:
        schemas.append(subschema(resolve(ref, root), step, root, (*refs, ref)))
    if isinstance(schema.get("allOf"), list):
        schemas += [subschema(inner, step, root, refs) for inner in schema["allOf"]]
    for word in UNIONS:
        if isinstance(schema.get(word), list):
            choices = [subschema(inner, step, root, refs) for inner in schema[word]]
            schemas.append(_joined("anyOf", [inner for inner in choices if inner is not None]))
    return _joined("allOf", [inner for inner in schemas if inner is not None])


def is_recursive(schema: Mapping[str, Any]) -> bool:
    """Whether a schema refers to itself, at any depth."""
    finished: set[str] = set()

    def leads_back(ref: str, path: tuple[str, ...]) -> bool:
        if ref in path:
            return True
        if ref in finished:
            return False
        finished.add(ref)
        return any(leads_back(inner, (*path, ref)) for inner in references(resolve(ref, schema)))

    return any(leads_back(ref, ()) for ref in references(schema))


def references(schema: Any) -> set[str]:
    """The references in a schema."""
    refs: set[str] = set()
    left = [schema]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            if isinstance(value.get("$ref"), str):
                refs.add(value["$ref"])
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)
    return refs


def _joined(word: str, schemas: list[Any]) -> Any:
    if len(schemas) < 2:
        return schemas[0] if schemas else None
    return {word: schemas}


def _declared(schema: Mapping[str, Any], step: str | int) -> Any:
    """What the schema itself says of a property or an item, without its references and unions."""
    if isinstance(step, str):
        properties = schema.get("properties")
        if isinstance(properties, Mapping) and step in properties:
            return properties[step]
        patterns = schema.get("patternProperties")
        for pattern, inner in patterns.items() if isinstance(patterns, Mapping) else ():
            if _matches(pattern, step):
                return inner
        return _schema_in(schema, "additionalProperties")
    listed = schema.get("prefixItems", schema.get("items"))
    if not isinstance(listed, list):
        return _schema_in(schema, "items")
    if step < len(listed):
        return listed[step]
    return _schema_in(schema, "items" if "prefixItems" in schema else "additionalItems")


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return True


def _schema_in(schema: Mapping[str, Any], keyword: str) -> Any:
    inner = schema.get(keyword)
    return inner if isinstance(inner, Mapping) else None
