"""Tools and their choice -> the wire; a reply's calls -> what LlamaIndex runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import BaseTool

from aimlapi_transport.chat.tool_call_retry import NOT_RUN, broken_call_result
from aimlapi_transport.chat.tool_calls import parse_arguments
from aimlapi_transport.chat.tool_settings import tool_choice_for
from aimlapi_transport.chat.wire_types import Json
from aimlapi_transport.errors import InvalidRequestError
from aimlapi_transport.json_codec import dumps
from llama_index_aimlapi._partial_json import PartialObject
from llama_index_aimlapi._raw import ToolCallDict
from llama_index_aimlapi._schemas import definition_of
from llama_index_aimlapi.errors import ToolCallError

FINISH_REASON = "finish_reason"
"""A finished answer says so under this name in `ChatResponse.additional_kwargs`, be it None."""


def tool_call_dict(call_id: Any, name: str, arguments: Any, extra: Json | None = None) -> ToolCallDict:
    """A call, and the vendor's further fields of it: a thought signature, say."""
    function = {"name": name, "arguments": arguments}
    return ToolCallDict({"id": call_id, "type": "function", "function": function, **(extra or {})})


def to_tools(
    tools: Sequence[BaseTool | Mapping[str, Any]], *, strict: bool = False, refuse: bool = False
) -> list[Json]:
    """The tools' definitions; those that are the API's own objects stay as they are.

    Args:
        strict: hold the model to the tools' schemas, where they can be held to.
        refuse: raise where they cannot; else warn.

    Raises:
        InvalidRequestError: one that is no tool.
    """
    definitions = []
    for tool in tool_list(tools):
        if isinstance(tool, Mapping):
            definitions.append(dict(tool))
            continue
        if not isinstance(tool, BaseTool):
            raise InvalidRequestError(
                f"`tools` contains {type(tool).__name__}: pass LlamaIndex tools, for example "
                "`FunctionTool.from_defaults(fn)`, or definitions in the form of the API."
            )
        definitions.append(definition_of(tool, strict=strict, refuse=refuse))
    return definitions


def tool_list(tools: Any) -> Sequence[Any]:
    """The argument `tools` of a call; none for None.

    Raises:
        InvalidRequestError: it is no list, a single tool perhaps.
    """
    if tools is None:
        return ()
    if not isinstance(tools, Iterable) or isinstance(tools, (str, Mapping)):
        raise InvalidRequestError(f"`tools` is {str(tools)[:80]!r}: pass a list of tools.")
    return list(tools)


def to_tool_choice(choice: Any, definitions: Sequence[Json]) -> str | Json | None:
    """The API's choice, see `tool_choice_for`; None leaves it to the model."""
    sent = tool_choice_for(choice, definitions)
    if sent == "required" and not definitions:
        raise InvalidRequestError("`tool_choice` requires a call, but there are no tools.")
    return sent


def forced_tool(choice: str | Json | None, definitions: Sequence[Json]) -> Json | None:
    """The definition of the one tool the model has to call; None where it has a choice."""
    if choice == "required" and len(definitions) == 1:
        return definitions[0]
    name = (choice.get("function") or {}).get("name") if isinstance(choice, dict) else None
    named = (row for row in definitions if name and (row.get("function") or {}).get("name") == name)
    return next(named, None)


def selections(response: ChatResponse) -> list[ToolSelection]:
    """The calls of a response, each with an id and a name that are text.

    While an answer is streamed, the arguments are the object they spell so far, as in a response made by hand. Once
    an answer is finished they are read strictly: a call cut short is never one to run.

    Raises:
        ToolCallError: a finished answer holds a call without a name, or whose arguments are no JSON object.
    """
    blocks = [
        tool_call_dict(block.tool_call_id, block.tool_name, block.tool_kwargs)
        for block in response.message.blocks
        if isinstance(block, ToolCallBlock)
    ]
    listed = response.message.additional_kwargs.get("tool_calls") or ()
    if response.delta is not None and FINISH_REASON not in response.additional_kwargs:
        return [_so_far(call) for call in listed or blocks if _function(call)[0]]
    return [_final(call, response) for call in blocks or listed]


def field(value: Any, name: str) -> Any:
    """A field of what came as an object of some SDK, or as a dict."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _function(call: Any) -> tuple[str, Any]:
    function = field(call, "function")
    return field(function, "name") or "", field(function, "arguments")


def _so_far(call: Any) -> ToolSelection:
    name, arguments = _function(call)
    call_id = str(field(call, "id") or "")
    if isinstance(arguments, dict):
        return ToolSelection(tool_id=call_id, tool_name=name, tool_kwargs=dict(arguments))
    parser: PartialObject = getattr(call, "parser", None) or PartialObject(arguments or "")
    last = parser.selection
    if last is None or (last.tool_id, last.tool_name) != (call_id, name):
        last = ToolSelection(tool_id=call_id, tool_name=name, tool_kwargs=parser.value)
        parser.selection = last  # observers keep what they are shown: the same, where nothing changed
    return cast(ToolSelection, last)


def _final(call: Any, response: ChatResponse) -> ToolSelection:
    call_id, (name, written), reasons = field(call, "id"), _function(call), response.additional_kwargs
    arguments, error = _read(name, written)
    if name and error and FINISH_REASON not in reasons:  # a response made by hand
        arguments, error = PartialObject(written or "").value, None
    if arguments is None or error:
        advice = " The answer was cut at its output limit: raise `max_tokens`."
        raise ToolCallError(
            f"The model's call of `{name or '?'}` (id {call_id}) cannot be run: {error}."
            f"{advice if reasons.get(FINISH_REASON) == 'length' else ''}",
            body=response.raw,
            request_id=reasons.get("inference_id"),
        )
    return ToolSelection(tool_id=str(call_id or name), tool_name=name, tool_kwargs=dict(arguments))


def _read(name: str, arguments: Any) -> tuple[Any, str | None]:
    """The arguments of a finished call as an object; and why it cannot be run, None where it can."""
    error = None
    if not isinstance(arguments, dict):
        text = arguments if isinstance(arguments, str) else "" if arguments is None else dumps(arguments).decode()
        arguments, error = parse_arguments(text)
    return arguments, error if name else "it names no tool"


def correction(response: ChatResponse) -> list[ChatMessage]:
    """What is added to the conversation for the model to write its calls again; nothing where all of them can be run.

    The answer goes back with empty arguments in the place of broken ones, which providers refuse, and each of its calls
    is answered: a broken one by its fault, another by that it was not run.
    """
    if FINISH_REASON not in response.additional_kwargs:
        return []
    blocks: list[Any] = []
    answers: list[ChatMessage] = []
    is_broken = False
    for number, block in enumerate(response.message.blocks):
        if not isinstance(block, ToolCallBlock):
            blocks.append(block)
            continue
        name, call_id = block.tool_name or "unknown_tool", block.tool_call_id or f"call_invalid_{number}"
        _, error = _read(block.tool_name, block.tool_kwargs)
        is_broken = is_broken or error is not None
        text = broken_call_result(error, str(block.tool_kwargs)) if error else NOT_RUN
        arguments = {} if error else block.tool_kwargs
        blocks.append(ToolCallBlock(tool_call_id=call_id, tool_name=name, tool_kwargs=arguments))
        answers.append(
            ChatMessage(role=MessageRole.TOOL, content=text, additional_kwargs={"tool_call_id": call_id, "name": name})
        )
    if not is_broken:
        return []
    extra = {key: value for key, value in response.message.additional_kwargs.items() if key != "tool_calls"}
    return [ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra), *answers]
