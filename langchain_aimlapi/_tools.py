"""Tools and tool choices in every form LangChain users write -> the API's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aimlapi_transport.chat.tool_settings import tool_choice_for
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.json_schema import ALL_TYPES
from langchain_aimlapi._schemas import to_response_format, to_tool
from langchain_aimlapi.errors import InvalidRequestError, translated

# What may stand beside a function: marks of a mapping, or of a tool's `extras`.
_MARKS = ("cache_control", "defer_loading", "async")

# `type` of a JSON schema, and of no kind of tool.
_SCHEMA_TYPES = ALL_TYPES | {"integer"}


def to_tools(tools: Sequence[Any], *, strict: bool | None = None, refuse: bool = False) -> list[Json]:
    """Definitions of the tools: LangChain tools, functions, classes, schemas, or the API's own objects.

    Args:
        strict: whether arguments must match the schemas exactly.
        refuse: raise where a schema cannot be strict; else it is sent as it is, with a warning.
    """
    if not isinstance(tools, Iterable) or isinstance(tools, (str, Mapping)):
        raise InvalidRequestError(f"`tools` is {str(tools)[:80]!r}: pass a list of tools.")
    definitions = []
    for tool in tools:
        if isinstance(tool, Mapping) and tool.get("type") == "custom" and "input_schema" in tool:
            tool = {name: value for name, value in tool.items() if name != "type"}  # Anthropic's word for a function
        definition = _in_wire_form(tool) if isinstance(tool, Mapping) else None
        if definition is None:
            definition = to_tool(tool, strict=strict, refuse=refuse)
            marks = tool if isinstance(tool, Mapping) else getattr(tool, "extras", None)
            if definition.get("type") == "custom":  # a tool with `metadata={"type": "custom_tool"}`
                definition = _custom(definition)
            elif isinstance(marks, Mapping):
                definition = {**definition, **{name: marks[name] for name in _MARKS if marks.get(name)}}
        if "function" in definition and definition.get("type", "function") == "function":
            definition["function"] = _named(definition["function"])
        definitions.append(definition)
    return definitions


def _in_wire_form(tool: Mapping[str, Any]) -> Json | None:
    """A tool that is written as some endpoint takes it, as chat completions do; None for a schema."""
    kind = tool.get("type")
    if isinstance(tool.get("function"), Mapping) and kind in (None, "function"):  # several SDKs leave the type out
        return dict(tool)
    if kind == "function" and "name" in tool:  # as /v1/responses writes it
        return {"type": kind, "function": {name: value for name, value in tool.items() if name != "type"}}
    if not isinstance(kind, str) or kind in _SCHEMA_TYPES:
        return None
    return _custom(tool)  # or a vendor's own kind of tool, such as web_search


def _named(function: Any) -> Json:
    """A function with a name and parameters."""
    if not isinstance(function, Mapping):
        raise InvalidRequestError(f"The `function` of a tool is {function!r:.80}: pass an object with a `name`.")
    if not function.get("name"):
        raise InvalidRequestError(f"A tool has no name: {str(dict(function))[:80]!r}.")
    return {**function, "parameters": function.get("parameters", {"type": "object", "properties": {}})}


def bound_tools(
    tools: Sequence[Any],
    *,
    tool_choice: Any = None,
    strict: bool | None = None,
    refuse: bool = False,
    parallel_tool_calls: bool | None = None,
    response_format: Any = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """The arguments of a call that `ChatAIMLAPI.bind_tools` binds."""
    definitions = to_tools(tools, strict=strict, refuse=refuse)
    choice = to_tool_choice(tool_choice, definitions)
    if definitions or choice is not None or parallel_tool_calls is not None:
        kwargs["tools"] = definitions
    if choice is not None:
        kwargs["tool_choice"] = choice
    if parallel_tool_calls is not None:
        kwargs["parallel_tool_calls"] = parallel_tool_calls
    if response_format is not None:
        kwargs["response_format"] = to_response_format(response_format, strict=strict, refuse=refuse)
    return kwargs


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
    """The API's choice: `auto`, `none`, `required`, or a function by name; None leaves it to the model."""
    with translated():
        return tool_choice_for(choice, tools)
