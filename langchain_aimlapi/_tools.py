"""Tools, tool choices and response formats in every form LangChain users write -> the wire's. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from pydantic import BaseModel

from aimlapi_transport.chat.wire_types import Json
from langchain_aimlapi.errors import InvalidRequestError


def to_tools(tools: Sequence[Any], *, strict: bool | None = None) -> list[Json]:
    """Definitions of the tools: LangChain tools, functions, classes, schemas, or the wire's own objects."""
    if not isinstance(tools, Iterable) or isinstance(tools, (str, Mapping)):
        raise InvalidRequestError(f"`tools` is {str(tools)[:80]!r}: pass a list of tools.")
    sent = []
    for tool in tools:
        if isinstance(tool, Mapping) and tool.get("type") == "custom" and "input_schema" in tool:
            tool = {name: value for name, value in tool.items() if name != "type"}  # Anthropic's word for a function
        # Several SDKs write the wire's object without its type; the transport knows where it has to have one.
        typeless = isinstance(tool, Mapping) and "type" not in tool and isinstance(tool.get("function"), Mapping)
        if typeless:
            tool = {"type": "function", **tool}
        if isinstance(tool, Mapping) and tool.get("type") == "function" and "function" not in tool and "name" in tool:
            inner = {name: value for name, value in tool.items() if name != "type"}  # as /v1/responses writes it
            tool = {"type": "function", "function": inner}
        native = isinstance(tool, Mapping) and isinstance(tool.get("type"), str) and tool["type"] != "object"
        if native and (tool["type"] != "function" or "function" not in tool):
            sent.append(_custom(tool))  # or a vendor's own kind of tool, such as web_search
            continue
        try:
            tool = to_json_schema(tool, strict=strict) if _recursive_schema(tool) else tool
            definition = convert_to_openai_tool(tool, strict=strict)
        except (TypeError, ValueError) as error:
            raise InvalidRequestError(
                f"{str(tool)[:80]} is no tool: pass a LangChain tool, a function, a class, a JSON schema with a "
                "`title`, or the wire's object."
            ) from error
        if definition.get("type") == "custom":  # a tool with `metadata={"type": "custom_tool"}`
            sent.append(_custom(definition))
            continue
        definition = {**definition, "function": dict(definition["function"])}
        marks = tool if isinstance(tool, Mapping) else getattr(tool, "extras", None)
        if isinstance(marks, Mapping) and marks.get("cache_control"):
            definition["cache_control"] = marks["cache_control"]
        if not definition["function"].get("name"):
            raise InvalidRequestError(f"A tool has no name: {str(tool)[:80]!r}.")
        definition["function"].setdefault("parameters", {"type": "object", "properties": {}})
        if typeless:
            del definition["type"]
        sent.append(definition)
    return sent


def _custom(tool: Mapping[str, Any]) -> Json:
    """A custom tool (called with free text) in the form of chat completions; any other as it is."""
    if tool["type"] != "custom" or "custom" in tool or "name" not in tool:
        return dict(tool)
    custom = {name: value for name, value in tool.items() if name != "type" and value is not None}
    form = custom.get("format")
    if isinstance(form, Mapping) and form.get("type") == "grammar" and "grammar" not in form:
        rules = {name: value for name, value in form.items() if name != "type"}
        custom["format"] = {"type": "grammar", "grammar": rules}
    return {"type": "custom", "custom": custom}


def to_tool_choice(choice: Any, tools: Sequence[Json]) -> str | Json | None:
    """The wire's choice: `auto`, `none`, `required`, or a function by name; None leaves it to the model."""
    if choice is None or choice is False or choice == "":
        return None
    if choice is True or choice in ("any", "required"):
        return "required"
    if choice in ("auto", "none"):
        return str(choice)
    kinds = {tool[kind]["name"]: kind for tool in tools for kind in ("function", "custom") if kind in tool}
    names = list(kinds)
    built_in = [tool["type"] for tool in tools if tool.get("type") not in (None, "function", "custom")]
    if isinstance(choice, str):
        if choice in built_in:
            return {"type": choice}
        if choice not in names:
            listed = ", ".join(["auto", "none", "any", "required", *names])
            raise InvalidRequestError(f"`tool_choice` is {choice!r}: pass one of {listed}.")
        return {"type": kinds[choice], kinds[choice]: {"name": choice}}
    if isinstance(choice, Mapping):
        if choice.get("type") in ("any", "auto", "none"):  # Anthropic's words
            return to_tool_choice(choice["type"], tools)
        inner = choice.get("function")
        name = inner.get("name") if isinstance(inner, Mapping) else choice.get("name")
        if name and names and name not in names:
            raise InvalidRequestError(f"`tool_choice` names {name!r}: the bound tools are {', '.join(names)}.")
        return {"type": "function", "function": {"name": name}} if choice.get("type") == "tool" else dict(choice)
    raise InvalidRequestError(f"`tool_choice` is {choice!r}: pass a word, a tool's name, an object or a bool.")


def to_response_format(schema: Any, *, strict: bool | None = None) -> Json:
    """The wire's response format out of one, or out of a class or JSON schema."""
    if isinstance(schema, Mapping) and schema.get("type") in ("json_schema", "json_object", "text"):
        inner = schema.get("json_schema")
        return {**schema, "json_schema": _strictly(inner)} if isinstance(inner, Mapping) else dict(schema)
    if isinstance(schema, Mapping) and "schema" in schema and "name" in schema:  # the inner half of the wire's object
        spec = dict(schema)
    else:
        converted = to_json_schema(schema, strict=strict)
        spec = {"name": converted.pop("title")}
        described = converted.pop("description", None)
        if described:
            spec["description"] = described
        spec["schema"] = converted
    if strict is not None:
        spec["strict"] = strict
    return {"type": "json_schema", "json_schema": _strictly(spec)}


def _strictly(spec: Mapping[str, Any]) -> Json:
    """The inner half of a response format; where it is to be strict, with a schema that OpenAI takes as strict.

    Agents send the schema of a class as it is.
    """
    schema = spec.get("schema")
    return {**spec, "schema": _strict(schema)} if spec.get("strict") is True and schema else dict(spec)


def _strict(schema: Any) -> Any:
    """The same schema with every key required and no other allowed; no null defaults, which say nothing then."""
    if isinstance(schema, list):
        return [_strict(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    made: Json = {}
    for name, value in schema.items():
        if name in _NAMED and isinstance(value, Mapping):
            made[name] = {key: _strict(inner) for key, inner in value.items()}
        elif name != "default" or value is not None:
            made[name] = value if name in _LITERAL else _strict(value)
    if made.get("properties"):
        made |= {"required": list(made["properties"]), "additionalProperties": False}
    return made


_NAMED = ("properties", "$defs", "definitions")  # what stands in these are names, and `default` may be one
_LITERAL = ("default", "enum", "const", "examples")


def _recursive_schema(schema: Any) -> Json | None:
    """The schema of a Pydantic class that holds itself, None of any other: LangChain's would end in an empty one."""
    if not isinstance(schema, type) or not issubclass(schema, BaseModel):
        return None
    full = schema.model_json_schema()
    defs = full.get("$defs", {})
    within = {name: set(_REFERENCE.findall(json.dumps(inner))) for name, inner in defs.items()}
    for _ in within:  # each round reaches one step further
        within = {name: names.union(*(within.get(other, set()) for other in names)) for name, names in within.items()}
    if not any(name in names for name, names in within.items()):
        return None
    root = defs.get(str(full.pop("$ref", "")).removeprefix("#/$defs/"), {})
    return {**root, **full}


_REFERENCE = re.compile(r'"\$ref": "#/\$defs/([^"]+)"')


def to_json_schema(schema: Any, *, strict: bool | None = None) -> Json:
    """The JSON schema of a class, a TypedDict, a tool or a schema; its `title` is a name the wire takes.

    Raises:
        InvalidRequestError: it is none of these.
    """
    if isinstance(schema, Mapping):
        inner = schema.get("json_schema") if schema.get("type") == "json_schema" else schema.get("function")
        schema = inner if isinstance(inner, Mapping) else schema
        if isinstance(schema.get("schema"), Mapping) and "name" in schema:  # the inner half of a response format
            described = {"description": schema["description"]} if schema.get("description") else {}
            schema = {**described, **schema["schema"], "title": schema["name"]}
        elif not {"title", "name", "toolSpec"} & schema.keys():
            schema = {"title": "answer", **schema}
    try:
        if isinstance(schema, type) and schema.__module__ == "builtins":
            raise TypeError("a built-in class has no fields")  # `list` would be described by its constructor
        recursive = _recursive_schema(schema)
        converted = (_strict(recursive) if strict else recursive) or convert_to_json_schema(schema, strict=strict)
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(
            f"`schema` is {str(schema)[:80]!r}: pass a Pydantic class, a TypedDict, a JSON schema or a tool."
        ) from error
    named = re.sub(r"[^A-Za-z0-9_-]+", "_", str(converted["title"]))[:64].strip("_") or "answer"
    return {**converted, "title": named}
