"""Schemas in every form LangChain users write -> JSON schemas and response formats. Pure."""

from __future__ import annotations

import dataclasses
import enum
import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.json_schema import dereference_refs
from typing_extensions import is_typeddict

from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.json_schema import is_recursive
from aimlapi_transport.structured.answer_schema import AnswerSchema, answer_schema, object_schema, plain_name
from aimlapi_transport.structured.describe import is_pydantic, is_pydantic_v1, schema_of
from aimlapi_transport.structured.strict import report, strict_schema
from langchain_aimlapi.errors import InvalidRequestError, translated

_ANSWERS = "pass a Pydantic class, a TypedDict, a dataclass, a JSON schema or a tool"


def kind_of(schema: Any) -> Any:
    """The type whose instances are the answers; None where they are dicts."""
    return schema if _is_pydantic(schema) or _is_instantiated(schema) else None


def to_answer_schema(schema: Any, *, strict: bool | None, refuse: bool = False) -> AnswerSchema:
    """The schema of an answer, in the forms that it travels in.

    Args:
        strict: over what the schema says of itself.
        refuse: raise where it cannot be strict although that is asked for; else warn.

    Raises:
        InvalidRequestError: it is no schema; the error names the class and the field.
    """
    described, own_strict = _described(schema)
    is_strict = own_strict if strict is None else strict
    title = described.pop("title", None) or getattr(schema, "__name__", None)
    shape = answer_schema(
        described, name=title and str(title), description=described.pop("description", None) or "", strict=is_strict
    )
    with translated():
        report(shape.problem, refuse=refuse)
    return shape


def traced(schema: Any, shape: AnswerSchema | None) -> Any:
    """What LangChain's tracing gets of the schema: what it can convert itself, else what travels."""
    travelling = None if shape is None else {"title": shape.name, **shape.schema}
    if _is_instantiated(schema):
        return travelling
    try:
        convert_to_json_schema(schema)
    except Exception:  # whatever the converter raises: the call would raise it, too
        return travelling
    return schema


def to_response_format(schema: Any, *, strict: bool | None = None, refuse: bool = False) -> Json:
    """The API's response format out of one, or out of a class or JSON schema.

    Raises:
        InvalidRequestError: it is no schema.
    """
    if not isinstance(schema, Mapping) or schema.get("type") not in ("json_schema", "json_object", "text"):
        described, own_strict = _described(schema)
        is_strict = own_strict if strict is None else strict
        name = plain_name(str(described.pop("title", None) or getattr(schema, "__name__", "")))
        description = described.pop("description", None)
        described, _ = object_schema(described) if kind_of(schema) is not None else (described, False)
        spec = {"name": name, **({"description": description} if description else {}), "schema": described}
        if is_strict is not None:
            spec["strict"] = is_strict
        schema = {"type": "json_schema", "json_schema": spec}
    inner = schema.get("json_schema")
    if not isinstance(inner, Mapping) or not isinstance(inner.get("schema"), Mapping):
        return dict(schema)
    # Agents send the schema of a class as it is.
    if inner.get("strict") is True:
        return {**schema, "json_schema": _strictly(inner, "schema", refuse)}
    written_out, is_wrapped = object_schema(dict(inner["schema"])) if "$ref" in inner["schema"] else ({}, True)
    return dict(schema) if is_wrapped else {**schema, "json_schema": {**inner, "schema": written_out}}


def to_tool(tool: Any, *, strict: bool | None = None, refuse: bool = False) -> Json:
    """The API's tool out of a LangChain tool, a function, a class or a JSON schema.

    Raises:
        InvalidRequestError: it is none of these, or cannot be described; the error names it, and the field.
    """
    definition = _converted(tool)
    function = definition.get("function")
    if not isinstance(function, dict) or (isinstance(tool, Mapping) and "function" in tool):
        return definition
    name = function.get("name")
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(parameters, Mapping):
        raise InvalidRequestError(f"The `parameters` of the tool `{name}` are {parameters!r:.80}: pass a JSON schema.")
    parameters = dict(parameters)
    if parameters.get("type") != "object":
        parameters, is_wrapped = object_schema(parameters)
        if is_wrapped:
            raise InvalidRequestError(f"The arguments of `{name}` are not an object at the root: describe them as one.")
    function = {**function, "parameters": parameters}
    if strict is not None and function.setdefault("strict", strict) is not strict:
        raise InvalidRequestError(f"`strict` is {strict}, but the tool `{name}` has another: set both to the same.")
    return {**definition, "function": _strictly(function, "parameters", refuse) if strict else function}


def _converted(tool: Any) -> Json:
    """The tool as LangChain's converter has it; what that cannot describe, described otherwise."""
    arguments = tool.tool_call_schema if isinstance(tool, BaseTool) else None
    try:
        with translated():
            if _is_pydantic(tool) or is_typeddict(tool):
                described = to_json_schema(tool)
                head = {"name": described.pop("title"), "description": described.pop("description", "")}
                return {"type": "function", "function": {**head, "parameters": described}}
            definition = dict(convert_to_openai_tool(tool))
            if _is_pydantic(arguments) and is_recursive(described := schema_of(arguments)):
                parameters, _ = object_schema(described)  # the converter's ends in an empty one
                parameters = {key: value for key, value in parameters.items() if key not in ("title", "description")}
                definition["function"] = {**definition["function"], "parameters": parameters}
            return definition
    except InvalidRequestError:
        raise
    except Exception as error:  # whatever the converter raises, and a tool's own hooks
        if _is_pydantic(arguments):
            with translated():
                schema_of(arguments)  # names the field
        raise InvalidRequestError(
            f"{str(tool)[:80]} is not a tool: pass a LangChain tool, a function, a class, a JSON schema with a "
            "`title`, or a definition in the form of the API."
        ) from error


def _strictly(spec: Mapping[str, Any], key: str, refuse: bool) -> Json:
    """A function or the inner half of a response format, with the schema under its key in the strict form."""
    name = str(spec.get("name") or "the schema")
    schema, is_wrapped = object_schema(dict(spec.get(key) or {"type": "object", "properties": {}}))
    if is_wrapped:
        raise InvalidRequestError(f"`{name}` is not an object at its root: pass it to `with_structured_output`.")
    strict = strict_schema(schema, name=name)
    with translated():
        report(strict.problem, refuse=refuse)
    if strict.problem:
        return {**spec, "strict": False}
    return {**spec, key: strict.schema}


def to_json_schema(schema: Any) -> Json:
    """The JSON schema of a class, a TypedDict, a tool or a schema, with a `title` that is a name the wire takes.

    Raises:
        InvalidRequestError: it is none of these.
    """
    described, _ = _described(schema)
    return {**described, "title": plain_name(str(described.get("title") or getattr(schema, "__name__", "")))}


def _described(schema: Any) -> tuple[Json, bool | None]:
    """The JSON schema, with its title and description; and whether it asks to be strict."""
    if isinstance(schema, Mapping):
        return _of_mapping(schema)
    try:
        with translated():
            if _is_pydantic(schema) or is_typeddict(schema) or _is_instantiated(schema):
                return _of_class(schema), None
            if isinstance(schema, type) and schema.__module__ == "builtins":
                raise TypeError("a built-in class has no fields")  # `list` would be described by its constructor
            if isinstance(schema, (type, BaseTool)) or (callable(schema) and hasattr(schema, "__name__")):
                return dict(convert_to_json_schema(schema)), None
    except InvalidRequestError:
        raise
    except Exception as error:
        raise InvalidRequestError(f"`schema` is {str(schema)[:80]!r}: {_ANSWERS}.") from error
    raise InvalidRequestError(f"`schema` is {str(schema)[:80]!r}: {_ANSWERS}.")


def _is_pydantic(kind: Any) -> bool:
    return is_pydantic(kind) or is_pydantic_v1(kind)


def _is_instantiated(kind: Any) -> bool:
    """Whether this is a dataclass, an enum or a union, so that Pydantic makes its instances."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        return True
    return isinstance(kind, type) and (dataclasses.is_dataclass(kind) or issubclass(kind, enum.Enum))


def _of_class(kind: Any) -> Json:
    """The schema of a class, its definitions where they are used: not every model follows references."""
    described = schema_of(kind)
    written_out, is_wrapped = object_schema(described)
    if is_recursive(described):
        return described if is_wrapped else written_out
    if _is_pydantic(kind) and not is_wrapped:
        return dict(convert_to_json_schema(kind))
    inlined = _without_titles(dereference_refs(described))
    title = described.get("title")
    return {**({"title": title} if title else {}), **inlined}


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_titles(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    untitled = {}
    for name, inner in schema.items():
        if name == "properties" and isinstance(inner, dict):
            untitled[name] = {key: _without_titles(value) for key, value in inner.items()}
        elif name not in ("title", "$defs", "definitions"):
            untitled[name] = inner if name in ("const", "enum", "default", "examples") else _without_titles(inner)
    return untitled


def _of_mapping(schema: Mapping[str, Any]) -> tuple[Json, bool | None]:
    """A JSON schema, the API's response format or tool, the inner half of either, Anthropic's or Bedrock's tool."""
    for outer in ("json_schema", "function", "toolSpec"):
        if isinstance(schema.get(outer), Mapping):
            schema = schema[outer]
            break
    strict = schema.get("strict") if isinstance(schema.get("strict"), bool) else None
    name = schema.get("name")
    if not isinstance(name, str) or {"properties", "title"} & schema.keys():
        return {key: value for key, value in schema.items() if key != "strict" or strict is None}, strict
    inner = next((schema[key] for key in ("schema", "parameters", "input_schema") if key in schema), None)
    if isinstance(schema.get("inputSchema"), Mapping):
        inner = schema["inputSchema"].get("json")
    parameters = dict(inner) if isinstance(inner, Mapping) else {"type": "object", "properties": {}}
    described = {"description": schema["description"]} if schema.get("description") else {}
    return {**parameters, **described, "title": name}, strict
