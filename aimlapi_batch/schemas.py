"""The schema of a job's answers: how it travels, and whether an answer fits all of it, as `jsonschema` reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aimlapi_batch.job import JobError, Row
from aimlapi_transport.structured.answer_schema import answer_schema
from aimlapi_transport.structured.json_text import json_answer

_LONGEST = 200  # characters of a reason


class AnswerCheck:
    """A schema that answers have to fit.

    Raises:
        JobError: it is no JSON schema.
    """

    def __init__(self, schema: Row) -> None:
        try:
            from jsonschema.exceptions import SchemaError
            from jsonschema.validators import validator_for
            from referencing.jsonschema import EMPTY_REGISTRY
        except ImportError:
            raise JobError("A schema needs jsonschema: pip install 'aimlapi-integrations[batch]'.") from None
        kind = validator_for(schema)
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise JobError(f"`schema` is not a valid JSON schema: {error.message}.") from None
        _check_references(schema, str(kind.META_SCHEMA.get("$schema", "")))
        self._validator: Any = kind(schema, registry=EMPTY_REGISTRY)  # which looks nothing up in the network
        self._travelling = answer_schema(schema)

    @property
    def response_format(self) -> Row:
        """The parameter that asks for it."""
        return self._travelling.response_format()

    def read(self, text: str) -> Any:
        """The value that a text answers with.

        Raises:
            ValueError: it holds no JSON.
        """
        return self._travelling.value(json_answer(text, self._travelling.schema))

    def problem(self, value: Any) -> str | None:
        """Why a value does not fit, None where it does."""
        from jsonschema.exceptions import best_match
        from referencing.exceptions import Unresolvable

        try:
            error = best_match(self._validator.iter_errors(value))
        except Unresolvable as unresolved:  # of a `$dynamicRef`
            return f"the schema names what it does not hold: {unresolved}"
        except RecursionError:
            return "it is nested too deep to be checked"
        if error is None:
            return None
        message = error.message if len(error.message) <= _LONGEST else f"{error.message[:_LONGEST]}..."
        return message if not error.absolute_path else f"{error.json_path}: {message}"


_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_IN_PLACE_LISTS = ("allOf", "anyOf", "oneOf")
_IN_PLACE = ("not", "if", "then", "else")


def _check_references(schema: Row, dialect: str) -> None:
    """Whether all references lead to a schema, and none back to itself.

    Raises:
        JobError: one does not.
    """
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012, specification_with

    specification = specification_with(dialect, default=DRAFT202012)
    root = specification.create_resource(schema)
    waiting: list[tuple[Any, Any]] = [(root, REGISTRY.resolver_with_root(root))]
    in_place: dict[int, list[Any]] = {}  # by the id of a schema: those that the same value has to fit
    while waiting:
        resource, resolver = waiting.pop()
        contents = resource.contents
        if not isinstance(contents, dict) or id(contents) in in_place:
            continue
        in_place[id(contents)] = targets = list(_applied_in_place(contents))
        for reference in (contents[name] for name in _REFERENCES if isinstance(contents.get(name), str)):
            try:
                found = resolver.lookup(reference)
            except Unresolvable:
                raise JobError(f"`schema` has a reference to {reference!r}, which it does not hold.") from None
            targets.append(found.contents)
            waiting.append((specification.create_resource(found.contents), found.resolver))
        waiting.extend((inner, resolver.in_subresource(inner)) for inner in resource.subresources())
    if _has_cycle(in_place):
        raise JobError("`schema` has a reference that leads back to itself, so that no value can be checked.")


def _applied_in_place(schema: Row) -> Iterator[Any]:
    for name in _IN_PLACE_LISTS:
        yield from schema.get(name) or ()
    yield from (schema[name] for name in _IN_PLACE if name in schema)
    yield from (schema.get("dependentSchemas") or {}).values()


def _has_cycle(edges: dict[int, list[Any]]) -> bool:
    """Whether a walk along the edges comes back to where it was."""
    finished: set[int] = set()
    for start in edges:
        path: dict[int, Iterator[Any]] = {} if start in finished else {start: iter(edges[start])}
        while path:
            node, targets = next(reversed(path.items()))
            target = next(targets, path)
            if target is path:
                finished.add(node)
                del path[node]
            elif id(target) in path:
                return True
            elif id(target) not in finished:
                path[id(target)] = iter(edges.get(id(target), ()))
    return False
